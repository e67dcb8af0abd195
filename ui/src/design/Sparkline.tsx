/* A course in the size of a word. Missing values are gaps. */
import type { Maybe } from "./formats";
import styles from "./Sparkline.module.css";

interface SparklineProps {
  values: readonly Maybe[];
  /** The sentence that says the same. */
  label: string;
  /** What is promised, as a dashed line. */
  bound?: Maybe;
  width?: number;
  height?: number;
}

const EDGE = 3;

export function Sparkline({ values, label, bound, width = 120, height = 26 }: SparklineProps) {
  const known = values.filter((one): one is number => Number.isFinite(one));
  if (known.length === 0) return <span className="sr">{label}</span>;
  const all = Number.isFinite(bound) ? [...known, bound as number] : known;
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (index: number) => EDGE + (index / Math.max(1, values.length - 1)) * (width - 2 * EDGE);
  const y = (value: number) => height - EDGE - ((value - low) / (high - low || 1)) * (height - 2 * EDGE);
  const last = values.findLastIndex((one) => Number.isFinite(one));
  return (
    <svg className={styles.spark} width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <title>{label}</title>
      {Number.isFinite(bound) && <line className={styles.bound} x1="0" x2={width} y1={y(bound as number)} y2={y(bound as number)} />}
      <path className={styles.course} d={courseOf(values, x, y)} />
      <circle className={styles.last} cx={x(last)} cy={y(values[last] as number)} r="2.2" />
    </svg>
  );
}

/** A path through what is there; a lone point is a short dash. */
export function courseOf(values: readonly Maybe[], x: (index: number) => number, y: (value: number) => number): string {
  let path = "";
  let open = false;
  values.forEach((value, index) => {
    const there = Number.isFinite(value);
    if (there) path += `${open ? "L" : "M"}${x(index).toFixed(1)} ${y(value as number).toFixed(1)}${!open && !Number.isFinite(values[index + 1]) ? "h1" : ""}`;
    open = there;
  });
  return path;
}
