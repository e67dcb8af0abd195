/* One crosshair over all charts of the page: those of uPlot share it by themselves, the strips hear it and lead it here. */
import uPlot from "uplot";
import { useEffect } from "react";

export const SYNC = "monitors";
const GONE = -10;

/** Stand at a moment in every chart; null: nowhere. */
export function pointAt(ms: number | null): void {
  for (const plot of uPlot.sync(SYNC).plots) {
    if (!(plot instanceof uPlot)) continue;
    const left = ms === null ? GONE : plot.valToPos(ms, "x");
    plot.setCursor({ left, top: ms === null ? GONE : 1 });
  }
}

/** Called with the moment at which a pointer stands in any chart, null where it left. `listener` must be stable. */
export function usePointed(listener: (ms: number | null) => void): void {
  useEffect(() => {
    const ear = {
      pub: (kind: string, chart: uPlot, left: number) => {
        if (kind === "mousemove") listener(left < 0 ? null : chart.posToVal(left, "x"));
        if (kind === "mouseleave") listener(null);
      },
    } as unknown as uPlot;
    const sync = uPlot.sync(SYNC);
    sync.sub(ear);
    return () => sync.unsub(ear);
  }, [listener]);
}
