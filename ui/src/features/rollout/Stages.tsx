/* The stages as a track: what is done, what is now, what is ahead; planned beside real durations, the sample beside its minimum. */
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import { Mark, type Tone } from "@/design/State";
import { Time, useBusinessNow } from "@/design/Time";
import type { Rollout, Stage } from "./query";
import styles from "./Stages.module.css";
import { rolloutWords } from "./words";

const TONES: Record<Stage["place"], Tone> = { done: "good", now: "moving", ahead: "quiet", never: "off" };

export function Stages({ of }: { of: Rollout }) {
  const said = useWords(rolloutWords);
  return (
    <ol className={styles.track} aria-label={said.stages}>
      {of.stages.map((stage) => (
        <OneStage key={stage.number} of={stage} rollout={of} />
      ))}
    </ol>
  );
}

function OneStage({ of, rollout }: { of: Stage; rollout: Rollout }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const now = useBusinessNow(rollout.workspace);
  const ended = of.place === "done" && of.left_ms !== null && rollout.state === "aborted" && of.number === lastOf(rollout);
  const lasted = of.entered_ms === null ? null : (of.left_ms ?? now) - of.entered_ms;
  return (
    <li className={`${styles.stage} ${styles[of.place]}`} aria-current={of.place === "now" ? "step" : undefined}>
      <div className={styles.bar} aria-hidden="true">
        {of.place === "now" && of.for_ms > 0 && lasted !== null && <span style={{ width: `${Math.min(100, (lasted / of.for_ms) * 100)}%` }} />}
      </div>
      <div className={styles.name}>
        <Mark tone={ended ? "bad" : TONES[of.place]} />
        <strong>{of.kind}</strong>
        {of.share !== null && <span className={styles.quiet}>{say.percent(of.share)}</span>}
        <span className={styles.place}>{said.place[of.place]}</span>
      </div>
      <ul className={styles.facts}>
        <li>{of.for_ms === 0 ? said.planned(said.atOnce) : said.planned(say.duration(of.for_ms))}</li>
        {lasted !== null && <li>{of.place === "now" ? said.since(say.duration(lasted)) : lasted === 0 ? said.took(said.atOnce) : said.took(say.duration(lasted))}</li>}
        {of.requests !== null && <li>{of.min_requests > 0 ? said.sample(say.whole(of.requests), say.whole(of.min_requests)) : said.requests(of.requests)}</li>}
        {of.entered_ms !== null && (
          <li className={styles.quiet}>
            <Time ms={of.entered_ms} business={rollout.workspace} as="minute" />
          </li>
        )}
        {of.because !== "" && of.because !== "stage.done" && <li className={styles.quiet}>{said.left(said.short(of.because))}</li>}
      </ul>
    </li>
  );
}

function lastOf(rollout: Rollout): number {
  return Math.max(...rollout.stages.filter((one) => one.place === "done").map((one) => one.number));
}
