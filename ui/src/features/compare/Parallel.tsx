/* Parallel coordinates: an axis for each parameter and metric, a line for each run; ranges on axes hold some runs and let the others fade. */
import { useMemo, useState } from "react";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { ColumnChoice } from "@/design/ColumnChoice";
import { type Formats, useFormats } from "@/design/formats";
import styles from "./Compare.module.css";
import type { Axis, CompareAnswer } from "./query";
import { compareWords } from "./words";

const HEIGHT = 260;
const TOP = 34;
const BOTTOM = 26;
const STEPS = 200;

type Ranges = Readonly<Record<string, readonly [number, number]>>;

export function Parallel({ of }: { of: CompareAnswer }) {
  const said = useWords(compareWords);
  const [search, change] = useUrl();
  const ranges = useMemo(() => rangesOf(search.range ?? ""), [search.range]);
  const { axes } = of;
  const choices = [...of.params.rows.map((row) => ({ id: `p.${row.name}`, head: row.name })), ...of.metrics.rows.map((row) => ({ id: `m.${row.name}`, head: row.name }))];
  if (axes.length === 0) return <p className={styles.small}>{said.noAxes}</p>;
  const held = of.runs.map((_, run) => axes.every((axis) => within(axis, run, ranges)));
  const set = (short: string, range: readonly [number, number] | null) => change({ range: textOf({ ...ranges, [short]: range ?? [0, STEPS] }) }, { replace: true });
  return (
    <div className={styles.stack}>
      <div className={styles.options}>
        <ColumnChoice columns={choices} chosen={axes.map((one) => one.short)} onChoose={(list) => change({ axes: list.slice(0, 12).join(",") }, { replace: true })} />
        <span role="status" className={styles.small}>
          {said.held(held.filter(Boolean).length, of.runs.length)}
        </span>
        {Object.keys(ranges).length > 0 && (
          <Button look="bare" onClick={() => change({ range: "" })}>
            {said.reset}
          </Button>
        )}
      </div>
      <div className={styles.parallelFrame} tabIndex={0} role="region" aria-label={said.parallel}>
        <div className={styles.parallel} style={{ minWidth: axes.length * 110 }}>
          <Lines of={of} held={held} />
          <div className={styles.ranges} style={{ gridTemplateColumns: `repeat(${axes.length}, minmax(0, 1fr))` }}>
            {axes.map((axis) => (
              <RangeOf key={axis.short} axis={axis} range={ranges[axis.short] ?? [0, STEPS]} onRange={(range) => set(axis.short, range)} />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function Lines({ of, held }: { of: CompareAnswer; held: readonly boolean[] }) {
  const said = useWords(compareWords);
  const say = useFormats();
  const [near, setNear] = useState<number | null>(null);
  const { axes, runs } = of;
  const x = (place: number) => ((place + 0.5) / axes.length) * 100;
  const named = near === null ? null : runs[near];
  return (
    <figure className={styles.lines}>
      <svg role="img" aria-label={said.parallelTitle(runs.length, axes.map((one) => one.name).join(", "))} width="100%" height={HEIGHT} onPointerLeave={() => setNear(null)}>
        {axes.map((axis, place) => (
          <g key={axis.short}>
            <line className={styles.axis} x1={`${x(place)}%`} x2={`${x(place)}%`} y1={TOP} y2={HEIGHT - BOTTOM} />
            <text className={styles.axisName} x={`${x(place)}%`} y={12} textAnchor="middle">
              {axis.name.length > 18 ? `${axis.name.slice(0, 17)}…` : axis.name}
            </text>
            <text className={styles.axisEnd} x={`${x(place)}%`} y={26} textAnchor="middle">
              {endOf(axis, axis.high, say)}
            </text>
            <text className={styles.axisEnd} x={`${x(place)}%`} y={HEIGHT - 10} textAnchor="middle">
              {endOf(axis, axis.low, say)}
            </text>
          </g>
        ))}
        <svg x="0" y="0" width="100%" height={HEIGHT} viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none">
          {runs.map((run, index) => (
            <path
              key={run.id}
              d={pathOf(axes, index, x)}
              className={[styles.line, held[index] ? "" : styles.faint, run.id === of.reference ? styles.referenceLine : "", near === index ? styles.nearLine : ""].join(" ")}
              vectorEffect="non-scaling-stroke"
              onPointerEnter={() => setNear(index)}
            >
              <title>{run.name}</title>
            </path>
          ))}
        </svg>
      </svg>
      <figcaption className={styles.small}>
        {named ? (
          <bdi>
            {named.name || said.unnamed}: {axes.map((axis) => `${axis.name} ${valueOf(axis, near as number, say, said.missingValue)}`).join(" · ")}
          </bdi>
        ) : (
          "\u00a0"
        )}
      </figcaption>
    </figure>
  );
}

function RangeOf({ axis, range, onRange }: { axis: Axis; range: readonly [number, number]; onRange: (range: readonly [number, number]) => void }) {
  const said = useWords(compareWords);
  const say = useFormats();
  const [low, high] = range;
  const text = (step: number) => endOf(axis, axis.low + (step / STEPS) * (axis.high - axis.low), say);
  return (
    <div className={styles.range}>
      <input
        type="range" min={0} max={STEPS} value={low} aria-label={said.from(axis.name)} aria-valuetext={text(low)}
        onChange={(event) => onRange([Math.min(Number(event.target.value), high), high])}
      />
      <input
        type="range" min={0} max={STEPS} value={high} aria-label={said.until(axis.name)} aria-valuetext={text(high)}
        onChange={(event) => onRange([low, Math.max(Number(event.target.value), low)])}
      />
      <span className={styles.small}>
        {text(low)} … {text(high)}
      </span>
    </div>
  );
}

/** From 0 (lowest) to 1. An axis of one value is drawn in its middle. */
function shareOf(axis: Axis, run: number): number | null {
  const value = axis.places[run];
  if (value === null || value === undefined) return null;
  return axis.high === axis.low ? 0.5 : (value - axis.low) / (axis.high - axis.low);
}

function within(axis: Axis, run: number, ranges: Ranges): boolean {
  const range = ranges[axis.short];
  if (range === undefined || (range[0] === 0 && range[1] === STEPS)) return true;
  const share = shareOf(axis, run);
  return share !== null && share * STEPS >= range[0] - 1e-9 && share * STEPS <= range[1] + 1e-9;
}

/** A missing value is a gap. */
function pathOf(axes: readonly Axis[], run: number, x: (place: number) => number): string {
  let open = false;
  return axes
    .map((axis, place) => {
      const share = shareOf(axis, run);
      const step = share === null ? "" : `${open ? "L" : "M"}${x(place).toFixed(3)} ${(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)).toFixed(1)}`;
      open = share !== null;
      return step;
    })
    .join("");
}

function endOf(axis: Axis, value: number, say: Formats): string {
  if (axis.texts.length === 0) return say.number(value);
  const text = axis.texts[Math.round(value)] ?? "";
  return text.length > 18 ? `${text.slice(0, 17)}…` : text;
}

function valueOf(axis: Axis, run: number, say: Formats, missing: string): string {
  const value = axis.places[run];
  return value === null || value === undefined ? missing : endOf(axis, value, say);
}

/** `m.auc:20:180`, parted by commas: steps of 200 along each axis. */
function rangesOf(text: string): Ranges {
  const found: Record<string, readonly [number, number]> = {};
  for (const one of text.split(",")) {
    const [, short, low, high] = /^(.+):(\d+):(\d+)$/.exec(one) ?? [];
    if (short !== undefined) found[short] = [Math.min(STEPS, Number(low)), Math.min(STEPS, Number(high))];
  }
  return found;
}

function textOf(ranges: Ranges): string {
  return Object.entries(ranges)
    .filter(([, [low, high]]) => low > 0 || high < STEPS)
    .map(([short, [low, high]]) => `${short}:${low}:${high}`)
    .join(",");
}
