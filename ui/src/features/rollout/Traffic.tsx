/* Who answered, and who only listened, over time: bars of requests a slot, the new version on top of the champion; shadows hang below the line. */
import { useMemo } from "react";
import { useWords } from "@/app/i18n";
import { ChartTable } from "@/design/ChartTable";
import { type Formats, useFormats } from "@/design/formats";
import type { Rollout, Traffic } from "./query";
import styles from "./Traffic.module.css";
import { rolloutWords } from "./words";

const WIDTH = 1000;
const ABOVE = 130;
const BELOW = 50;
type Side = Traffic["series"][number];

export function TrafficChart({ of, traffic }: { of: Rollout; traffic: Traffic }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const nameOf = (version: number) => `${said.variant(version)} (${version === of.version ? said.newOne : version === of.incumbent ? said.incumbent : said.other})`;
  const [live, shadow] = useMemo(() => [ordered(traffic, "live", of.version), ordered(traffic, "shadow", of.version)], [traffic, of.version]);
  const most = Math.max(1, highest(live, traffic.slots), highest(shadow, traffic.slots));
  const marks = of.stages.filter((one) => one.entered_ms !== null).map((one) => ({ id: String(one.number), x: one.entered_ms as number, label: one.kind }));
  const at = (ms: number) => ((ms - traffic.from_ms) / (traffic.to_ms - traffic.from_ms)) * 100;
  const xs = Array.from({ length: traffic.slots }, (_, index) => traffic.from_ms + index * traffic.step_ms);
  const curves = [...live, ...shadow].map((one) => ({ id: `${one.version}${one.mode}`, name: `${nameOf(one.version)}, ${said[one.mode]}`, xs, ys: one.requests }));
  return (
    <figure className={styles.traffic}>
      <ul className={styles.legend}>
        {[...new Set(traffic.series.map((one) => one.version))].map((version) => (
          <li key={version}>
            <span className={`${styles.swatch} ${version === of.version ? styles.new : styles.old}`} aria-hidden="true" /> {nameOf(version)}
          </li>
        ))}
        {live.some((one) => one.instead.some((count) => count > 0)) && (
          <li>
            <span className={`${styles.swatch} ${styles.instead}`} aria-hidden="true" /> {said.instead}
          </li>
        )}
      </ul>
      <div className={styles.plot}>
        <div className={styles.marks} aria-hidden="true">
          {spaced(marks, at).map((mark) => (
            <span key={mark.id} style={{ insetInlineStart: `${at(mark.x)}%` }}>
              {mark.label}
            </span>
          ))}
        </div>
        <svg viewBox={`0 ${-ABOVE} ${WIDTH} ${ABOVE + BELOW}`} height={ABOVE + BELOW} preserveAspectRatio="none" role="img" aria-label={said.traffic}>
          <Bars of={live} rollout={of} slots={traffic.slots} scale={ABOVE / most} up say={say} xs={xs} />
          <Bars of={shadow} rollout={of} slots={traffic.slots} scale={Math.min(ABOVE / most, BELOW / Math.max(1, highest(shadow, traffic.slots)))} up={false} say={say} xs={xs} />
          <line className={styles.ground} x1="0" x2={WIDTH} y1="0" y2="0" />
          {marks.map((mark) => (
            <line key={mark.id} className={styles.mark} x1={at(mark.x) * 10} x2={at(mark.x) * 10} y1={-ABOVE} y2={BELOW} />
          ))}
        </svg>
        <span className={styles.most} aria-hidden="true">
          {say.whole(most)}
        </span>
        <div className={styles.ends} aria-hidden="true">
          <span>{say.exact(traffic.from_ms, { utc: true, seconds: false })}</span>
          <span>{say.exact(Math.min(traffic.to_ms, of.until_ms), { utc: true, seconds: false })}</span>
        </div>
      </div>
      <ChartTable title={said.traffic} curves={curves} marks={marks} show={say.whole} at={(x) => say.exact(x, { utc: true, seconds: false })} />
    </figure>
  );
}

/** Those before the new version first, so that it stands on top. */
function ordered(traffic: Traffic, mode: Side["mode"], version: number): Side[] {
  return traffic.series.filter((one) => one.mode === mode).sort((a, b) => Number(a.version === version) - Number(b.version === version));
}

function highest(sides: readonly Side[], slots: number): number {
  let most = 0;
  for (let slot = 0; slot < slots; slot += 1) most = Math.max(most, sides.reduce((sum, one) => sum + (one.requests[slot] ?? 0) + (one.instead[slot] ?? 0), 0));
  return most;
}

/** Of marks that would be written over each other, the last. */
function spaced<Mark extends { x: number }>(marks: readonly Mark[], at: (ms: number) => number): Mark[] {
  return marks.filter((mark, index) => index === marks.length - 1 || at((marks[index + 1] as Mark).x) - at(mark.x) > 7);
}

interface BarsProps {
  of: readonly Side[];
  rollout: Rollout;
  slots: number;
  scale: number;
  up: boolean;
  say: Formats;
  xs: readonly number[];
}

function Bars({ of, rollout, slots, scale, up, say, xs }: BarsProps) {
  const step = WIDTH / slots;
  const grown = new Array<number>(slots).fill(0);
  const layers = [
    ...of.map((side) => ({ key: `${side.version}`, look: side.version === rollout.version ? styles.new : styles.old, counts: side.requests })),
    ...of.map((side) => ({ key: `${side.version} instead`, look: styles.instead, counts: side.instead })),
  ];
  return (
    <g className={up ? styles.live : styles.shadow}>
      {layers.map((layer) => (
        <g key={layer.key} className={layer.look}>
          {layer.counts.map((count, slot) => {
            if (count === 0) return null;
            const from = grown[slot] ?? 0;
            grown[slot] = from + count * scale;
            return (
              <rect key={xs[slot]} x={slot * step + step * 0.06} width={step * 0.88} y={up ? -(grown[slot] ?? 0) : from} height={count * scale}>
                <title>{`${say.exact(xs[slot] ?? 0, { utc: true, seconds: false })}: ${say.whole(count)}`}</title>
              </rect>
            );
          })}
        </g>
      ))}
    </g>
  );
}
