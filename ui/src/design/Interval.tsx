/* A value with its interval against a bound, on a scale that several of them share. Whether it holds is the server's word. */
import { useWords } from "@/app/i18n";
import type { As } from "./Figure";
import { shown } from "./Figure";
import { type Maybe, useFormats } from "./formats";
import styles from "./Interval.module.css";
import { designWords } from "./words";

export interface Interval {
  value: Maybe;
  low: Maybe;
  high: Maybe;
  bound?: Maybe;
  /** Which side of the bound breaks the promise. */
  breaks?: "above" | "below";
}

interface IntervalBarProps extends Interval {
  /** What it is of: `auc`. */
  label: string;
  /** Kept, broken, or not decided; the server says. */
  holds: boolean | null | undefined;
  as?: As;
  decimals?: number;
  /** The scale, where several stand below each other; else its own. */
  scale?: readonly [number, number];
}

const HEIGHT = 20;
const MIDDLE = HEIGHT / 2;

/** A scale on which all of them are seen, with a little air. */
export function scaleOf(intervals: readonly Interval[]): [number, number] {
  const all = intervals.flatMap((one) => [one.value, one.low, one.high, one.bound]).filter((one): one is number => Number.isFinite(one));
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const air = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - air, high + air];
}

export function IntervalBar({ label, value, low, high, bound, breaks, holds, as = "number", decimals, scale }: IntervalBarProps) {
  const say = useFormats();
  const said = useWords(designWords);
  const [from, to] = scale ?? scaleOf([{ value, low, high, bound }]);
  const at = (x: Maybe): string => `${Math.max(0, Math.min(100, (((x ?? from) - from) / (to - from)) * 100))}%`;
  const show = (x: Maybe) => shown(say, x, as, decimals);
  const words = [
    low === null || low === undefined ? show(value) : said.interval(show(value), show(low), show(high)),
    bound === null || bound === undefined ? "" : said.bound(show(bound)),
  ].filter((part) => part !== "");
  const tone = holds === true ? styles.good : holds === false ? styles.bad : styles.open;
  const there = (x: Maybe): x is number => Number.isFinite(x);
  return (
    <svg className={`${styles.interval} ${tone}`} height={HEIGHT} role="img" aria-label={`${label}: ${words.join(", ")}`}>
      <title>{words.join(", ")}</title>
      <line className={styles.axis} x1="0" x2="100%" y1={MIDDLE} y2={MIDDLE} />
      {there(bound) && breaks !== undefined && (
        <rect className={styles.broken} x={breaks === "above" ? at(bound) : "0"} width={`${breaks === "above" ? 100 - Number.parseFloat(at(bound)) : Number.parseFloat(at(bound))}%`} y="2" height={HEIGHT - 4} />
      )}
      {there(low) && there(high) && (
        <>
          <line className={styles.range} x1={at(low)} x2={at(high)} y1={MIDDLE} y2={MIDDLE} />
          <line className={styles.end} x1={at(low)} x2={at(low)} y1={MIDDLE - 4} y2={MIDDLE + 4} />
          <line className={styles.end} x1={at(high)} x2={at(high)} y1={MIDDLE - 4} y2={MIDDLE + 4} />
        </>
      )}
      {there(bound) && <line className={styles.bound} x1={at(bound)} x2={at(bound)} y1="1" y2={HEIGHT - 1} />}
      {there(value) && <circle className={styles.value} cx={at(value)} cy={MIDDLE} r="3.5" />}
    </svg>
  );
}
