/* One sentence: is it safe to go on, by which rule, and when at the earliest. */
import { useWords } from "@/app/i18n";
import { Mark, type Tone } from "@/design/State";
import { Time } from "@/design/Time";
import type { Rollout } from "./query";
import styles from "./Verdict.module.css";
import { rolloutWords } from "./words";

const TONES: Record<string, Tone> = { yes: "good", no: "bad", unknown: "quiet", finished: "good", aborted: "bad", superseded: "off" };

export function Verdict({ of }: { of: Rollout }) {
  const said = useWords(rolloutWords);
  const { verdict } = of;
  const how = verdict.safe === "over" ? of.state : verdict.safe;
  return (
    <div className={styles.verdict} data-safe={how}>
      <p className={styles.sentence} role="status">
        <Mark tone={TONES[how] ?? "quiet"} /> <strong>{said.safe[how] ?? how}</strong> <bdi>{(verdict.safe === "over" ? said.over : said.because)(verdict.because, verdict.values)}</bdi>
      </p>
      {of.state === "running" && (
        <dl className={styles.when}>
          <div>
            <dt>{said.earliest(verdict.next)}</dt>
            <dd>{verdict.earliest_ms === null ? said.nobodyKnows : <When ms={verdict.earliest_ms} ws={of.workspace} />}</dd>
          </div>
          {verdict.latest_ms !== null && (
            <div>
              <dt>{verdict.next === "" ? said.watchEnds : said.patience}</dt>
              <dd>
                <When ms={verdict.latest_ms} ws={of.workspace} />
              </dd>
            </div>
          )}
        </dl>
      )}
    </div>
  );
}

function When({ ms, ws }: { ms: number; ws: string }) {
  return (
    <>
      <Time ms={ms} business={ws} as="minute" /> <span className={styles.soon}>(<Time ms={ms} business={ws} />)</span>
    </>
  );
}
