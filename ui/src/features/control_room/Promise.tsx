/* The promised metric in the size of two words: its course, what it is held against, the windows that broke it, and each new champion. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import styles from "./Promise.module.css";
import type { ModelLine } from "./query";
import { roomWords } from "./words";

const WIDTH = 150;
const HEIGHT = 36;
const EDGE = 4;

export function Promise({ of, workspace }: { of: NonNullable<ModelLine["spark"]>; workspace: string }) {
  const said = useWords(roomWords);
  const say = useFormats();
  const last = of.values[of.values.length - 1];
  const bound = of.bounds[of.bounds.length - 1] ?? null;
  if (last === undefined) return <span className={styles.none}>{said.noWindow}</span>;
  const all = [...of.values, ...of.bounds.filter((one) => one !== null)];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (at: number) => EDGE + (at / Math.max(1, of.values.length - 1)) * (WIDTH - 2 * EDGE);
  const y = (value: number) => HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  const label = said.course(of.monitor, say.number(last), bound === null ? "" : say.number(bound), of.broken.length, of.values.length, of.below);
  return (
    <Go to={to.monitors(workspace)} className={styles.promise} title={label}>
      <svg className={styles.course} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {of.crowned.map((at) => (
          <line key={at} className={styles.crowned} x1={x(at - 0.5)} x2={x(at - 0.5)} y1="0" y2={HEIGHT} />
        ))}
        <path className={styles.bound} d={steps(of.bounds, x, y)} />
        <path className={styles.line} d={of.values.map((value, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("")} />
        {of.broken.map((at) => (
          <path key={at} className={styles.broken} d={`M${x(at)} ${y(of.values[at] ?? low) - 2.6}l2.6 4.6h-5.2Z`} />
        ))}
        <circle className={styles.last} cx={x(of.values.length - 1)} cy={y(last)} r="2.6" />
      </svg>
      <span className={styles.figures}>
        <span className={styles.metric}>
          <bdi>{metricOf(of.monitor)}</bdi>
        </span>
        <strong>{say.number(last)}</strong>
        {bound !== null && (
          <span className={styles.against}>
            {of.below ? "≤" : "≥"} {say.number(bound)}
          </span>
        )}
      </span>
    </Go>
  );
}

/** `log_loss <= champion * 1.1 over 7d` is of `log_loss`: the first word of a promise names its metric. */
function metricOf(monitor: string): string {
  return monitor.split(/\s*[<>=!]/)[0] ?? monitor;
}

/** What is promised changes with the champion: a step each. */
function steps(bounds: readonly (number | null)[], x: (at: number) => number, y: (value: number) => number): string {
  let path = "";
  bounds.forEach((bound, at) => {
    if (bound === null) return;
    const before = at > 0 ? bounds[at - 1] : null;
    path += before === bound ? `H${x(at + (at < bounds.length - 1 ? 0.5 : 0)).toFixed(1)}` : `M${x(Math.max(0, at - 0.5)).toFixed(1)} ${y(bound).toFixed(1)}H${x(Math.min(bounds.length - 1, at + 0.5)).toFixed(1)}`;
  });
  return path;
}
