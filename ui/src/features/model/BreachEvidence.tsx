/* The window that broke its promise, as an interval against what was promised. */
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import { IntervalBar } from "@/design/Interval";
import styles from "./Evidence.module.css";
import type { ChainLink } from "./query";
import { modelWords } from "./words";

export function BreachEvidence({ of }: { of: NonNullable<ChainLink["breach"]> }) {
  const said = useWords(modelWords);
  const say = useFormats();
  const days = of.from_ms !== null && of.to_ms !== null ? said.between(say.day(of.from_ms, { utc: true }), say.day(of.to_ms, { utc: true })) : "";
  return (
    <div className={styles.one}>
      {of.low !== null && (
        <span className={styles.bar}>
          <IntervalBar label={of.monitor} value={of.value} low={of.low} high={of.high} bound={of.bound} breaks={of.below ? "above" : "below"} holds={false} />
        </span>
      )}
      <p>
        <strong>{say.number(of.value)}</strong>
        {of.low !== null && of.high !== null && ` [${say.number(of.low)} ; ${say.number(of.high)}]`}
        {of.bound !== null && ` ${said.promisedWas(say.number(of.bound), of.below)}`}
      </p>
      <p className={styles.quiet}>
        {days} · {said.rows(of.rows)}
        {of.coverage !== null && ` · ${said.labelled(say.percent(of.coverage))}`}
      </p>
    </div>
  );
}
