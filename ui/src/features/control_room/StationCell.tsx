/* One station on the line of a model: a shape whose weight says how much it matters, the word of what is so, and since when. */
import { useLanguage, useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { designWords } from "@/design/words";
import styles from "./StationCell.module.css";
import type { LoopStation, ModelLine } from "./query";
import { roomWords, sentenceOf, shortOf } from "./words";

/** Where one sees more of a station, or acts. */
export function placeOf(workspace: string, model: string, station: Pick<LoopStation, "page" | "id">): string {
  const { page, id } = station;
  if (page === "review") return to.reviewOf(workspace, id);
  if (page === "rollout") return to.rollout(workspace, id);
  if (page === "run") return to.steps(workspace, id);
  if (page === "monitors") return to.monitors(workspace);
  if (page === "data") return id ? to.dataset(workspace, id) : to.datasets(workspace);
  return to.model(workspace, model, { version: id });
}

export function StationCell({ line, station }: { line: ModelLine; station: LoopStation }) {
  const said = useWords(roomWords);
  const say = useFormats();
  const { colon } = useWords(designWords);
  const { language } = useLanguage();
  const sentence = sentenceOf(language, station.because);
  const since = station.since_ms === null ? "" : say.ago(station.since_ms, line.now_ms);
  const title = [`${said.stations[station.station]}${colon}${sentence}`, station.since_ms === null ? "" : `${since}, ${say.exact(station.since_ms, { utc: true })}`];
  const foremost = line.foremost === station.station && ["needs", "broken", "working", "waiting"].includes(station.state);
  return (
    <td className={`${styles.station} ${styles[station.state]} ${foremost ? styles.foremost : ""}`}>
      <Go to={placeOf(line.workspace, line.model, station)} className={styles.link} title={title.filter((part) => part !== "").join("\n")}>
        <span className={styles.head} aria-hidden="true">
          {said.stations[station.station]}
        </span>
        <span className={styles.node} aria-hidden="true">
          <Shape state={station.state} />
        </span>
        <span className="sr">
          {said.stations[station.station]}
          {colon}
          {said.states[station.state]}. {sentence} {since}
        </span>
        <span className={styles.word} aria-hidden="true">
          {shortOf(language, station.because)}
        </span>
        <span className={styles.since} aria-hidden="true">
          {since}
        </span>
      </Go>
    </td>
  );
}

/** The weight of a shape is the weight of its state; no two states have the same shape. */
function Shape({ state }: { state: LoopStation["state"] }) {
  const size = state === "needs" || state === "broken" ? 16 : state === "working" || state === "waiting" ? 14 : 12;
  return (
    <svg viewBox="-8 -8 16 16" width={size} height={size} fill="currentColor">
      {state === "none" && <path d="M0 -3.5V3.5" stroke="currentColor" strokeWidth="1.6" fill="none" />}
      {state === "quiet" && <circle r="4.4" />}
      {state === "noted" && (
        <>
          <circle r="5.6" fill="var(--paper)" stroke="currentColor" strokeWidth="1.8" />
          <circle r="2.1" />
        </>
      )}
      {state === "waiting" && <circle r="6" fill="var(--paper)" stroke="currentColor" strokeWidth="2" />}
      {state === "working" && (
        <>
          <circle r="6" fill="var(--paper)" stroke="currentColor" strokeWidth="2" />
          <path d="M0 -6a6 6 0 0 1 0 12Z" />
        </>
      )}
      {state === "needs" && <path d="M0 -8 8 0 0 8 -8 0Z" />}
      {state === "broken" && <path d="M0 -7.6 8 6.6H-8Z" />}
    </svg>
  );
}
