/* Histories of metrics as curves of a chart: over steps, the time of day, or the time since a run began; smoothed where somebody asks for it. */
import type { Curve } from "./LineChart";

export interface History {
  run: string;
  metric: string;
  steps: readonly number[];
  times_ms: readonly number[];
  values: readonly (number | null)[];
}
export type CurveAxis = "step" | "time" | "elapsed";

interface Drawn {
  id: string;
  name: string;
  axis: CurveAxis;
  /** 0 is none; 0.99 is nearly a line. */
  smooth: number;
  colour?: number;
  quiet?: boolean;
}

/** One history as a curve, and behind a smoothed one what was measured. */
export function curvesOf(of: History, { id, name, axis, smooth, colour, quiet }: Drawn): Curve[] {
  const [xs, ys] = axis === "step" ? [of.steps, of.values] : byTime(of, axis === "elapsed");
  const mine = { id, name, xs, ys, ...(colour === undefined ? {} : { colour }), ...(quiet ? { quiet } : {}) };
  return smooth > 0 ? [{ ...mine, ys: smoothed(ys, smooth) }] : [mine];
}

/** A chart goes from left to right; steps may have been logged out of order. */
function byTime(of: History, elapsed: boolean): [number[], (number | null)[]] {
  const order = of.times_ms.map((_, index) => index).sort((a, b) => (of.times_ms[a] as number) - (of.times_ms[b] as number));
  const begin = elapsed && order.length > 0 ? (of.times_ms[order[0] as number] as number) : 0;
  const xs: number[] = [];
  const ys: (number | null)[] = [];
  for (const index of order) {
    const at = (of.times_ms[index] as number) - begin;
    xs.push(elapsed ? at / 1000 : at);
    ys.push(of.values[index] as number | null);
  }
  return [xs, ys];
}

/** Exponential moving average, without the pull of its start towards zero. */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let last = 0;
  let count = 0;
  return values.map((value) => {
    if (value === null) return null;
    count += 1;
    last = last * weight + (1 - weight) * value;
    return last / (1 - weight ** count);
  });
}
