/* What is so with a model, since when, what it waits for and for whom; and where one acts. */
import { useLanguage, useWords } from "@/app/i18n";
import { Command } from "@/design/CopyCommand";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Time } from "@/design/Time";
import { placeOf } from "./StationCell";
import styles from "./Standing.module.css";
import type { ModelLine } from "./query";
import { roomWords, sentenceOf } from "./words";

export function Standing({ line }: { line: ModelLine }) {
  const said = useWords(roomWords);
  const say = useFormats();
  const { language } = useLanguage();
  const first = line.stations.find((one) => one.station === line.foremost) ?? line.stations[0];
  if (first === undefined) return null;
  const { waits } = line;
  return (
    <div className={`${styles.standing} ${styles[first.state]}`}>
      <p className={styles.sentence}>
        {sentenceOf(language, first.because)}{" "}
        {line.since_ms !== null && (
          <span className={styles.since}>
            <Time ms={line.since_ms} business={line.workspace} />
          </span>
        )}
      </p>
      {waits !== null && (
        <p className={styles.whom}>
          {waits.you ? <strong className={styles.you}>{said.you[waits.action] ?? said.youAct}</strong> : said.whom(waits.role, waits.holders)}
          {waits.action !== "pipeline.run" && (
            <Go className={styles.act} to={placeOf(line.workspace, line.model, first)}>
              {waits.you ? (said.act[waits.action] ?? said.look) : said.look}
            </Go>
          )}
          {waits.until_ms !== null && <span className={styles.until}>{said.until(say.exact(waits.until_ms, { utc: true, seconds: false }))}</span>}
        </p>
      )}
      {waits?.action === "pipeline.run" && <Command>{waits.command}</Command>}
    </div>
  );
}
