/* The promised metric over the times of the champions: who reigned when it broke, and what a new one changed. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import styles from "./ChampionLine.module.css";
import type { Model } from "./query";
import { modelWords } from "./words";

const HEIGHT = 120;
const EDGE = 8;
const TICKS = 4;

export function ChampionLine({ of, ws }: { of: Model; ws: string }) {
  const said = useWords(modelWords);
  const say = useFormats();
  const windows = of.quality?.windows ?? [];
  const from = Math.min(of.history[0]?.from_ms ?? of.now_ms, windows[0]?.to_ms ?? Number.POSITIVE_INFINITY);
  const span = Math.max(1, of.now_ms - from);
  const at = (ms: number) => Math.max(0, Math.min(100, ((ms - from) / span) * 100));
  const all = windows.flatMap((one) => [one.value, one.bound]).filter((one): one is number => one !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const y = (value: number) => HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  const courses = split(windows);
  const broken = windows.filter((one) => one.verdict === "broken");
  const label = of.quality === null ? said.champions : said.courseOf(of.quality.monitor, windows.length, broken.length);
  return (
    <figure className={styles.figure}>
      {of.quality !== null && windows.length > 1 && (
        <div className={styles.chart}>
          <svg viewBox={`0 0 100 ${String(HEIGHT)}`} preserveAspectRatio="none" role="img" aria-label={label}>
            {of.history.map((one) => (
              <line key={`${one.endpoint}${String(one.from_ms)}`} className={styles.crowned} x1={at(one.from_ms)} x2={at(one.from_ms)} y1="0" y2={HEIGHT} />
            ))}
            {courses.map((course) => (
              <path key={course[0]?.to_ms} className={styles.bound} d={course.filter((one) => one.bound !== null).map((one, n) => `${n ? "L" : "M"}${at(one.to_ms)} ${y(one.bound ?? 0)}`).join("")} />
            ))}
            {courses.map((course) => (
              <path key={course[0]?.to_ms} className={styles.course} d={course.map((one, n) => `${n ? "L" : "M"}${at(one.to_ms).toFixed(2)} ${y(one.value).toFixed(1)}`).join("")} />
            ))}
            {broken.map((one) => (
              <path key={one.to_ms} className={styles.broken} d={`M${at(one.to_ms)} ${y(one.value)}h0.001`} />
            ))}
          </svg>
          <span className={styles.high}>{say.number(high)}</span>
          <span className={styles.low}>{say.number(low)}</span>
          <span className={styles.name}>
            <bdi>{of.quality.monitor}</bdi>
          </span>
        </div>
      )}
      <ol className={styles.track} aria-label={said.timesOf}>
        {of.history.map((one) => {
          const width = at(one.to_ms ?? of.now_ms) - at(one.from_ms);
          const sentence = `${said.version(one.version)}: ${say.day(one.from_ms, { utc: true })} – ${one.to_ms === null ? said.untilNow : say.day(one.to_ms, { utc: true })}. ${said.went(one.went)}`;
          return (
            <li
              key={`${one.endpoint}${String(one.from_ms)}`}
              className={`${styles.reign} ${one.to_ms === null ? styles.serves : ""} ${one.went.how === "rolled_back" || one.went.how === "aborted" ? styles.lost : ""} ${one.version === of.version ? styles.chosen : ""}`}
              style={{ left: `${String(at(one.from_ms))}%`, width: `${String(width)}%` }}
            >
              <Go to={to.model(ws, of.model, { version: one.version })} title={sentence}>
                <span aria-hidden="true">{width > 2.5 ? `v${String(one.version)}` : ""}</span>
                <span className="sr">{sentence}</span>
              </Go>
            </li>
          );
        })}
      </ol>
      <div className={styles.ticks} aria-hidden="true">
        {Array.from({ length: TICKS + 1 }, (_, n) => (
          <span key={n}>{say.day(from + (span * n) / TICKS, { utc: true })}</span>
        ))}
      </div>
      <figcaption className="sr">{label}</figcaption>
    </figure>
  );
}

type Windows = NonNullable<Model["quality"]>["windows"];

/** A course each for what one champion answered. */
function split(windows: Windows): Windows[] {
  const found: Windows[] = [];
  for (const one of windows) {
    const last = found[found.length - 1];
    if (last?.[0]?.version === one.version) last.push(one);
    else found.push([one]);
  }
  return found;
}
