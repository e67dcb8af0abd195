/* How the new version's answers agree with the champion's, stage by stage: the share of equal decisions, and the differences. */
import { useWords } from "@/app/i18n";
import { Bars } from "@/design/Bars";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import type { Agreement } from "./query";
import styles from "./RolloutPage.module.css";
import { rolloutWords } from "./words";

export function AgreementByStage({ of }: { of: readonly Agreement[] }) {
  const said = useWords(rolloutWords);
  if (of.length === 0) return <Empty small>{said.noAgreement}</Empty>;
  return (
    <div className={styles.agreements}>
      {of.map((one) => (
        <OneStage key={one.stage} of={one} />
      ))}
    </div>
  );
}

function OneStage({ of }: { of: Agreement }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const middles = of.counts.map((_, index) => ((of.edges[index] ?? 0) + (of.edges[index + 1] ?? 0)) / 2);
  return (
    <div className={styles.agreement}>
      <h3>{of.stage}</h3>
      {of.same !== null && <p className={styles.great}>{said.same(say.percent(of.rows > 0 ? of.same / of.rows : null, 1))}</p>}
      <p className={styles.quiet}>
        {said.pairs(say.whole(of.rows), say.whole(of.answered))}
        {!of.whole && `, ${said.newestOnly}`}
      </p>
      {of.p5 !== null && of.p95 !== null && <p className={styles.quiet}>{said.spread(say.signed(of.p5), say.signed(of.p95))}</p>}
      <Bars title={said.differences(of.stage)} labels={middles.map((one) => say.signed(Number(one.toPrecision(2))))} series={[{ name: said.count, values: of.counts }]} as="whole" height={64} />
    </div>
  );
}
