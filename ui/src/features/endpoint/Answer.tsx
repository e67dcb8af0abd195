/* What the endpoint answered to one request, or why it did not. */
import { useWords } from "@/app/i18n";
import { Short } from "@/design/Code";
import { errorFr } from "@/design/errorWords";
import { Figure, Key, Keys } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { KeyValues } from "@/design/KeyValues";
import { State } from "@/design/State";
import type { Tried } from "./query";
import styles from "./TryForm.module.css";
import { endpointWords } from "./words";

export function Answer({ of }: { of: Tried }) {
  const said = useWords(endpointWords);
  const say = useFormats();
  const { language } = say;
  if (of.refused) {
    return (
      <div className={styles.refused}>
        <State tone="bad">{said.refused(of.status)}</State>
        {language === "fr" && <p>{errorFr(of.refused.code, of.status).what}</p>}
        <p lang="en">
          <bdi>{of.refused.what}</bdi>
        </p>
        <p className={styles.note} lang="en">
          <bdi>{[of.refused.where, of.refused.do].filter((part) => part !== "").join(" · ")}</bdi>
        </p>
      </div>
    );
  }
  const several = Array.isArray(of.prediction) ? of.prediction : [of.prediction];
  return (
    <>
      <Keys>
        <Key label={said.prediction}>{several.map((one) => say.number(one)).join(" · ")}</Key>
        <Key label={said.answeredBy}>{of.version === null || of.version === undefined ? "–" : said.version(of.version)}</Key>
        <Key label={said.took} note={said.tookNote}>
          <Figure value={of.ms} as="duration" />
        </Key>
      </Keys>
      <KeyValues
        facts={[
          { name: said.predictionId, value: of.prediction_id ? <Short of={of.prediction_id} length={16} /> : "–" },
          { name: said.requestId, value: <Short of={of.request_id} length={16} /> },
          { name: said.node, value: <Short of={of.node} /> },
        ]}
      />
    </>
  );
}
