/* Whether the server answers. Where it does not, its health is asked every 2 s by those who look, until it does. */
import { Value } from "./store";

const ASK_MS = 2000;
const TIMEOUT_MS = 5000;

/** Since when it is silent, in wall time; null while it answers. */
export const silentSince = new Value<number | null>(null);
let asking: ReturnType<typeof setTimeout> | undefined;

/** A request had no answer. */
export function silent(): void {
  if (silentSince.get() === null) silentSince.set(Date.now());
  asking ??= setTimeout(ask, ASK_MS);
}

/** It answered. */
export function heard(): void {
  clearTimeout(asking);
  asking = undefined;
  silentSince.set(null);
}

async function ask(): Promise<void> {
  asking = undefined;
  if (silentSince.get() === null) return;
  if (document.hidden) {
    document.addEventListener("visibilitychange", silent, { once: true });
    return;
  }
  try {
    const answer = await fetch("/health", { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store" });
    if (answer.ok) return heard(); // a proxy before a dead server answers 502
  } catch {
    // still silent
  }
  silent();
}
