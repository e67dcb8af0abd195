/* A value that others hear of when it changes; the smallest thing that React can subscribe to. */
import { useSyncExternalStore } from "react";

export class Value<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private value: T) {}

  get = (): T => this.value;

  set = (value: T): void => {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const one of this.listeners) one();
  };

  hear = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useValue<T>(of: Value<T>): T {
  return useSyncExternalStore(of.hear, of.get);
}
