/* One row of windows: how far each is from what was expected, in five steps, and which broke its promise. Arrow keys walk it, Enter opens. */
import { type KeyboardEvent, memo, type MouseEvent, useMemo, useState } from "react";
import styles from "./HeatStrip.module.css";

export interface HeatCell {
  id: string;
  /** 0 as expected to 5 far; null: nothing is known. The server says. */
  level: 0 | 1 | 2 | 3 | 4 | 5 | null;
  /** Broke its promise: a notch below, beside the colour. */
  broken?: boolean;
}

interface HeatStripProps {
  label: string;
  cells: readonly HeatCell[];
  /** The sentence of one cell: `12 to 13 Jul 2013: PSI 0.31, broken`. */
  describe: (cell: HeatCell, index: number) => string;
  onOpen?: (cell: HeatCell, index: number) => void;
  /** The cell that is open. */
  open?: string | null;
  height?: number;
  /** Crosshair shared with others: the index that is pointed at. */
  pointed?: number | null;
  onPoint?: (index: number | null) => void;
}

const LEVELS = [0, 1, 2, 3, 4, 5] as const;

function Strip({ label, cells, describe, onOpen, open, height = 18, pointed, onPoint }: HeatStripProps) {
  const [own, setOwn] = useState(Math.max(0, cells.length - 1));
  const at = Math.min(pointed ?? own, cells.length - 1);
  const point = (index: number | null) => {
    if (index !== null) setOwn(index);
    onPoint?.(index);
  };
  const keys = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: cells.length - 1, PageUp: at - 10, PageDown: at + 10 };
    const next = steps[event.key];
    if (next !== undefined) {
      event.preventDefault();
      point(Math.max(0, Math.min(cells.length - 1, next)));
    } else if ((event.key === "Enter" || event.key === " ") && cells[at]) {
      event.preventDefault();
      onOpen?.(cells[at], at);
    }
  };
  const indexOf = (event: MouseEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(cells.length - 1, Math.floor(((event.clientX - box.left) / box.width) * cells.length)));
  };
  const drawn = useMemo(() => <Cells cells={cells} height={height} />, [cells, height]);
  const here = cells[at];
  if (here === undefined) return null;
  return (
    <svg
      className={styles.strip}
      height={height}
      viewBox={`0 0 ${cells.length} ${height}`}
      preserveAspectRatio="none"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={cells.length - 1}
      aria-valuenow={at}
      aria-valuetext={describe(here, at)}
      onKeyDown={keys}
      onMouseMove={(event) => point(indexOf(event))}
      onMouseLeave={() => onPoint?.(null)}
      onClick={(event) => {
        const index = indexOf(event);
        const cell = cells[index];
        if (cell) onOpen?.(cell, index);
      }}
    >
      <title>{describe(here, at)}</title>
      {drawn}
      {open !== undefined && open !== null && cells.some((one) => one.id === open) && (
        <rect className={styles.open} x={cells.findIndex((one) => one.id === open)} y="0" width="1" height={height - 4} />
      )}
      <rect className={styles.here} x={at} y="0" width="1" height={height - 4} />
    </svg>
  );
}

/** All windows of one level are one path: thirty features over a year are two hundred elements, not eleven thousand. */
function Cells({ cells, height }: { cells: readonly HeatCell[]; height: number }) {
  const pathOf = (chosen: (cell: HeatCell) => boolean, box: (index: number) => string) =>
    cells.map((cell, index) => (chosen(cell) ? box(index) : "")).join("");
  return (
    <>
      {LEVELS.map((level) => (
        <path key={level} className={styles[`level${level}`]} d={pathOf((one) => one.level === level, (index) => `M${index} 0h1v${height - 4}h-1Z`)} />
      ))}
      <path className={styles.unknown} d={pathOf((one) => one.level === null, (index) => `M${index + 0.1} ${height / 2}h0.8`)} />
      <path className={styles.broken} d={pathOf((one) => one.broken === true, (index) => `M${index + 0.1} ${height - 3}h0.8v3h-0.8Z`)} />
    </>
  );
}

export const HeatStrip = memo(Strip);
