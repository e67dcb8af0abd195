/* A moment: relative to now with the exact one and its zone beside it, or exact. Business time is written in UTC, wall time in the zone of the browser.

   Where a replay drives the clock of the workspace, its two clocks are told apart: the title says which one it is, and real time bears a mark. What a machine did, a run
   or its tasks, is told in real time on every page; what the loop decides by, on the business clock. */
import { createContext, useContext } from "react";
import { clocks, skew } from "@/api/stream";
import { useValue, Value } from "@/api/store";
import { useWords } from "@/app/i18n";
import { useFormats } from "./formats";
import styles from "./Time.module.css";
import { designWords } from "./words";

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

/** Whether the clock of the workspace that is looked at is driven. */
export const DrivenHere = createContext(false);

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
  const clock = useClockName(business);
  if (ms === null || ms === undefined) return <span>–</span>;
  const utc = business !== undefined;
  const exact = say.exact(ms, { utc }) + (clock === "" ? "" : `, ${clock}`);
  if (as === "relative") return <Relative ms={ms} business={business} exact={exact} />;
  const text = as === "exact" ? say.exact(ms, { utc }) : as === "minute" ? say.exact(ms, { utc, seconds: false }) : `${say.day(ms, { utc })}${utc ? " UTC" : ""}`;
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
  const { realTime } = useWords(designWords);
  const marked = useContext(DrivenHere) && business === undefined;
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact}>
      {say.ago(ms, business === undefined ? wall : now)}
      {marked && <small className={styles.real}> {realTime}</small>}
      <span className="sr"> ({exact})</span>
    </time>
  );
}

interface OnBothProps {
  wall: number | null;
  business: number;
  workspace: string;
}

/** What a machine did, and where the business clock is driven also what that showed. */
export function OnBoth({ wall, business, workspace }: OnBothProps) {
  const driven = useContext(DrivenClocks)[workspace] !== undefined;
  return (
    <span className={styles.both}>
      <Time ms={wall} />
      {driven && (
        <small>
          <Time ms={business} business={workspace} as="minute" />
        </small>
      )}
    </span>
  );
}

/** Which clock a moment is of, in words: only where the two of a workspace differ. */
function useClockName(business: string | undefined): string {
  const said = useWords(designWords);
  const driven = useContext(DrivenClocks);
  const here = useContext(DrivenHere);
  if (business === undefined) return here ? said.realTime : "";
  return driven[business] === undefined ? "" : said.businessClock;
}
