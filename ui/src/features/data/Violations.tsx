/* What breaks the contract: each rule with its rows and some of the values that stand there, as text. */
import { useWords } from "@/app/i18n";
import { Command } from "@/design/CopyCommand";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { State } from "@/design/State";
import { Table } from "@/design/Table";
import type { SnapshotShown, Violation } from "./query";
import styles from "./DatasetPage.module.css";
import { dataWords } from "./words";

export function Violations({ dataset, snapshot }: { dataset: string; snapshot: SnapshotShown }) {
  const said = useWords(dataWords);
  const say = useFormats();
  if (snapshot.violations.length === 0) {
    return (
      <p>
        <State tone="good">{said.noViolations}</State> <span className={styles.note}>{said.judged(say.whole(snapshot.line.rows))}</span>
      </p>
    );
  }
  return (
    <>
      <Table
        label={said.violations}
        rows={snapshot.violations}
        rowKey={(one) => `${one.rule} ${one.column}`}
        columns={[
          { id: "rule", head: said.rule, cell: (one) => <bdi className={styles.rule}>{one.rule}</bdi> },
          { id: "rows", head: said.brokenRows, align: "end", cell: (one) => <Rows of={one} /> },
          { id: "examples", head: said.examples, cell: (one) => <Examples of={one} /> },
        ]}
      />
      <div className={styles.todo}>
        <span className={styles.note}>{said.checkHere}</span>
        <Command>{`regie dataset check ${dataset}`}</Command>
      </div>
    </>
  );
}

function Rows({ of }: { of: Violation }) {
  const say = useFormats();
  if (of.rows === 0) return <>–</>;
  return (
    <span>
      <Figure value={of.rows} as="whole" /> <span className={styles.note}>{say.percent(of.share)}</span>
    </span>
  );
}

function Examples({ of }: { of: Violation }) {
  const said = useWords(dataWords);
  const say = useFormats();
  if (of.seen !== "") return <bdi>{of.seen}</bdi>;
  return (
    <ul className={styles.examples}>
      {of.examples.map((one) => (
        <li key={one.row}>
          <code>{one.value}</code> <span className={styles.note}>{said.exampleRow(say.whole(one.row))}</span>
        </li>
      ))}
    </ul>
  );
}
