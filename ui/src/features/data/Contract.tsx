/* The contract, column by column and check by check, beside what the snapshot holds. */
import { useWords } from "@/app/i18n";
import { Name } from "@/design/Code";
import { Section } from "@/design/Page";
import { Table } from "@/design/Table";
import { Mean, Nulls, Spread } from "./Figures";
import { Kept } from "./Kept";
import type { CheckShown, ColumnShown, SnapshotShown } from "./query";
import styles from "./DatasetPage.module.css";
import { dataWords } from "./words";

export function Contract({ columns, checks, snapshot }: { columns: readonly ColumnShown[]; checks: readonly CheckShown[]; snapshot: SnapshotShown | null }) {
  const said = useWords(dataWords);
  const known = columns.some((one) => one.now !== null);
  return (
    <Section title={said.contract} note={snapshot && !known ? said.noFigures : undefined}>
      <div className={styles.scroll} tabIndex={0} role="region" aria-label={said.columns}>
        <Table
          label={said.columns}
          rows={columns}
          rowKey={(one) => one.name}
          marked={(one) => one.kept === false}
          columns={[
            { id: "column", head: said.column, cell: (one) => <Name>{one.name}</Name> },
            { id: "promise", head: said.promise, cell: (one) => <Promise of={one} /> },
            { id: "use", head: said.use, cell: (one) => said.uses[one.use] ?? one.use },
            ...(snapshot ? [{ id: "kept", head: said.isKept, cell: (one: ColumnShown) => (one.promise === "" && one.kept === null ? "–" : <Kept kept={one.kept} broken={one.broken} />) }] : []),
            ...(known
              ? [
                  { id: "type", head: said.seenType, cell: (one: ColumnShown) => (one.now ? <code>{one.now.type}</code> : <span className={styles.note}>{said.missing}</span>) },
                  { id: "nulls", head: said.nulls, align: "end" as const, cell: (one: ColumnShown) => <Nulls of={one.now} /> },
                  { id: "range", head: said.range, align: "end" as const, cell: (one: ColumnShown) => <Spread of={one.now} /> },
                  { id: "mean", head: said.mean, align: "end" as const, cell: (one: ColumnShown) => <Mean of={one.now} /> },
                ]
              : []),
          ]}
        />
      </div>
      {checks.length > 0 && (
        <Table
          label={said.checks}
          rows={checks}
          rowKey={(one) => one.check}
          columns={[
            { id: "check", head: said.check, cell: (one) => <code className={styles.text}>{one.check}</code> },
            { id: "kept", head: said.isKept, cell: (one) => <Kept kept={one.kept} /> },
            { id: "seen", head: said.seen, align: "end", cell: (one) => one.text || "–" },
          ]}
        />
      )}
    </Section>
  );
}

/** A long list of categories is cut; the whole of it is the cell's title. */
function Promise({ of }: { of: ColumnShown }) {
  const said = useWords(dataWords);
  if (of.promise === "") return <span className={styles.note}>{of.use === "key" ? said.neverNull : said.noPromise}</span>;
  return (
    <code className={styles.promise} title={of.promise}>
      {of.promise}
    </code>
  );
}
