/* A moment: relative to now with the exact one and its zone beside it, or exact. Business time is written in UTC, wall time in the zone of the browser. */
import { createContext, useContext } from "react";
import { clocks, skew } from "@/api/stream";
import { useValue, Value } from "@/api/store";
import { useFormats } from "./formats";

const LOOK_MS = 10_000;
const ticking = new Value(Date.now());
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all moments of a page. */
const tick = {
  hear: (listener: () => void) => {
    timer ??= setInterval(() => !document.hidden && ticking.set(Date.now()), LOOK_MS);
    return ticking.hear(listener);
  },
  get: ticking.get,
};

/** The wall clock of the server, as far as known. */
export function useWallNow(): number {
  const off = useValue(skew);
  return useValue({ ...ticking, hear: tick.hear } as Value<number>) + off;
}

/** Business times of the workspaces as the session told them, where they are driven. */
export const DrivenClocks = createContext<Readonly<Record<string, number>>>({});

/** The business clock of a workspace: driven by a replay, or the wall clock. */
export function useBusinessNow(workspace: string): number {
  const driven = useContext(DrivenClocks)[workspace];
  const heard = useValue(clocks)[workspace] ?? 0;
  const wall = useWallNow();
  return driven === undefined ? wall : Math.max(driven, heard);
}

interface TimeProps {
  ms: number | null | undefined;
  /** The workspace whose business clock counts; without it, it is wall time. */
  business?: string | undefined;
  /** `relative` (3 h ago), `exact` (3 Nov 2026, 14:05:09 UTC), `minute` (without seconds), `day`. */
  as?: "relative" | "exact" | "minute" | "day";
}

export function Time({ ms, business, as = "relative" }: TimeProps) {
  const say = useFormats();
  if (ms === null || ms === undefined) return <span>–</span>;
  const utc = business !== undefined;
  const exact = say.exact(ms, { utc });
  if (as === "relative") return <Relative ms={ms} business={business} exact={exact} />;
  const text = as === "exact" ? exact : as === "minute" ? say.exact(ms, { utc, seconds: false }) : `${say.day(ms, { utc })}${utc ? " UTC" : ""}`;
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact}>
      {text}
    </time>
  );
}

function Relative({ ms, business, exact }: { ms: number; business: string | undefined; exact: string }) {
  const say = useFormats();
  const wall = useWallNow();
  const now = useBusinessNow(business ?? "");
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact}>
      {say.ago(ms, business === undefined ? wall : now)}
      <span className="sr"> ({exact})</span>
    </time>
  );
}
