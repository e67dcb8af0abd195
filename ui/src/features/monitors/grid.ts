/* Windows in their places on an even axis of time: window `i` ends at `from + (i + 1) * step`. Layout only. */
import type { Monitor, SignalWindow } from "./query";

/** More cells than these no screen shows. */
const MOST_CELLS = 4_000;

export interface Grid {
  fromMs: number;
  stepMs: number;
  /** Of the end of each window. */
  ends: readonly number[];
  /** Its place among the monitor's windows; -1 where it is missing. */
  places: readonly number[];
  /** Why, where it is missing. */
  reasons: readonly (string | undefined)[];
}

export function gridOf(monitor: Monitor, fromMs: number, toMs: number): Grid {
  const step = monitor.step_ms;
  const last = Math.floor(toMs / step) * step;
  const first = Math.max(Math.floor(Math.max(fromMs, monitor.from_ms) / step) * step, last - MOST_CELLS * step);
  const count = Math.max(0, Math.round((last - first) / step));
  // Two versions may have been judged up to the same moment: the later one served from then on.
  const at = new Map(monitor.windows.map((window, place) => [window.to_ms, place]));
  const ends = Array.from({ length: count }, (_, index) => first + (index + 1) * step);
  const gap = (end: number) => monitor.gaps.find((one) => one.from_ms <= end && end <= one.to_ms)?.because;
  return { fromMs: first, stepMs: step, ends, places: ends.map((end) => at.get(end) ?? -1), reasons: ends.map((end) => (at.has(end) ? undefined : gap(end))) };
}

export const windowAt = (monitor: Monitor, grid: Grid, index: number): SignalWindow | undefined => monitor.windows[grid.places[index] ?? -1];
