/* One figure, or one difference between two. */
import type { ReactNode } from "react";
import { useWords } from "@/app/i18n";
import styles from "./Figure.module.css";
import { type Formats, type Maybe, useFormats } from "./formats";
import { designWords } from "./words";

export type As = "number" | "whole" | "percent" | "bytes" | "duration";

export function shown(say: Formats, value: Maybe, as: As = "number", decimals?: number): string {
  if (as === "number") return say.number(value, decimals);
  if (as === "percent") return say.percent(value, decimals);
  return say[as](value);
}

interface FigureProps {
  value: Maybe;
  as?: As;
  decimals?: number;
  /** After the figure, in small letters. */
  unit?: string;
}

/** `0.8123`, `12 %`, `3.2 MB`; a dash where there is none. */
export function Figure({ value, as = "number", decimals, unit }: FigureProps) {
  const say = useFormats();
  const said = useWords(designWords);
  const none = value === null || value === undefined || Number.isNaN(value);
  if (none) {
    return (
      <span className={styles.none} title={said.none}>
        <span aria-hidden="true">–</span>
        <span className="sr">{said.none}</span>
      </span>
    );
  }
  const exact = as === "number" || as === "duration" || as === "bytes" ? String(value) : undefined;
  return (
    <span className={styles.figure} title={exact}>
      {shown(say, value, as, decimals)}
      {unit !== undefined && <span className={styles.unit}> {unit}</span>}
    </span>
  );
}

interface DifferenceProps {
  value: Maybe;
  /** What the server says; null where it is not decided, undefined where it means neither. */
  better: boolean | null | undefined;
  as?: As;
  decimals?: number;
  /** Interval of the difference. */
  low?: Maybe;
  high?: Maybe;
  /** The word is only for a screen reader; the shape stays. */
  short?: boolean;
}

/** A signed difference with a shape and a word: better or worse is the server's verdict, never the sign's. */
export function Difference({ value, better, as = "number", decimals, low, high, short = false }: DifferenceProps) {
  const say = useFormats();
  const said = useWords(designWords);
  if (value === null || value === undefined) return <Figure value={null} />;
  const sign = value > 0 ? "+" : "";
  const word = better === true ? said.better : better === false ? said.worse : better === null ? said.unsure : "";
  const shape = better === true ? "▲" : better === false ? "▼" : better === null ? "◇" : "";
  const look = better === true ? styles.better : better === false ? styles.worse : styles.unsure;
  return (
    <span className={styles.difference}>
      <span className={look}>
        {sign}
        {shown(say, value, as, decimals)}
      </span>
      {low !== undefined && low !== null && high !== undefined && high !== null && (
        <span className={styles.range}>
          [{shown(say, low, as, decimals)} ; {shown(say, high, as, decimals)}]
        </span>
      )}
      {word !== "" && (
        <span className={look}>
          <span aria-hidden="true" className={styles.shape}>
            {shape}
          </span>
          <span className={short ? "sr" : undefined}> {word}</span>
        </span>
      )}
    </span>
  );
}

/** A label and the one figure that matters. */
export function Key({ label, children, note }: { label: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div className={styles.key}>
      <span className={styles.label}>{label}</span>
      <span className={styles.value}>{children}</span>
      {note !== undefined && <span className={styles.note}>{note}</span>}
    </div>
  );
}

/** A row of them. */
export function Keys({ children }: { children: ReactNode }) {
  return <div className={styles.keys}>{children}</div>;
}
