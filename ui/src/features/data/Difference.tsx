/* What differs between two snapshots: columns that came and went, other types, other figures. */
import type { ReactNode } from "react";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Name } from "@/design/Code";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import { Mean, Nulls, Spread } from "./Figures";
import type { ColumnShown, Figures, SnapshotShown } from "./query";
import styles from "./DatasetPage.module.css";
import { dataWords } from "./words";

type Change = NonNullable<ColumnShown["change"]>;
const ORDER: readonly Change[] = ["removed", "added", "type", "figures"];
const TONES: Record<Change, Tone> = { removed: "needs", added: "needs", type: "needs", figures: "quiet", same: "off" };

export function Difference({ ws, dataset, columns, snapshot }: { ws: string; dataset: string; columns: readonly ColumnShown[]; snapshot: SnapshotShown }) {
  const said = useWords(dataWords);
  const say = useFormats();
  const { before, line } = snapshot;
  if (!before) {
    return (
      <Section title={said.difference}>
        <p className={styles.note}>{said.noBefore}</p>
      </Section>
    );
  }
  const rank = (one: ColumnShown) => ORDER.indexOf(one.change ?? "figures");
  const changed = columns.filter((one) => one.change !== null && one.change !== "same").sort((one, other) => rank(one) - rank(other));
  const note = (
    <>
      {said.against} <Go to={to.dataset(ws, dataset, { snapshot: before.digest })}>{before.digest.slice(7, 15)}</Go>
    </>
  );
  return (
    <Section title={said.difference} note={note}>
      <p>{said.rowsThenNow(say.whole(before.rows), say.whole(line.rows), say.signed(line.rows - before.rows))}</p>
      {!snapshot.figures && <p className={styles.note}>{said.noFigures}</p>}
      {snapshot.figures && changed.length === 0 && <p>{said.sameColumns}</p>}
      {changed.length > 0 && (
        <div className={styles.scroll} tabIndex={0} role="region" aria-label={said.difference}>
          <Table
            label={said.difference}
            rows={changed}
            rowKey={(one) => one.name}
            columns={[
              { id: "column", head: said.column, cell: (one) => <Name>{one.name}</Name> },
              { id: "change", head: said.change, cell: (one) => <ChangeOf of={one} /> },
              { id: "nulls", head: said.nulls, align: "end", cell: (one) => <Both of={one} show={(it) => <Nulls of={it} />} /> },
              { id: "range", head: said.range, align: "end", cell: (one) => <Both of={one} show={(it) => <Spread of={it} />} /> },
              { id: "mean", head: said.mean, align: "end", cell: (one) => (has(one, "mean") ? <Both of={one} show={(it) => <Mean of={it} />} /> : "–") },
              { id: "shift", head: said.shift, hint: said.shiftHint, align: "end", cell: (one) => (one.shift === null ? "–" : `${one.shift > 0 ? "+" : ""}${say.percent(one.shift)}`) },
            ]}
          />
        </div>
      )}
      {changed.length > 0 && columns.some((one) => one.change === "same") && <p className={styles.note}>{said.sameOthers(columns.filter((one) => one.change === "same").length)}</p>}
    </Section>
  );
}

function ChangeOf({ of }: { of: ColumnShown }) {
  const said = useWords(dataWords);
  const change = of.change ?? "same";
  return (
    <span>
      <State tone={TONES[change]}>{said.changes[change]}</State>
      {change === "type" && of.before && of.now && (
        <code className={styles.broken}>
          {of.before?.type} → {of.now?.type}
        </code>
      )}
    </span>
  );
}

function has(of: ColumnShown, figure: "mean"): boolean {
  return [of.before, of.now].some((it) => it !== null && it[figure] !== null && it.type !== "bool");
}

/** Before above, now below; one line where they are alike. */
function Both({ of, show }: { of: ColumnShown; show: (figures: Figures | null) => ReactNode }) {
  const said = useWords(dataWords);
  return (
    <span className={styles.both}>
      <span className={styles.note}>
        <span className="sr">{said.before} </span>
        {show(of.before)}
      </span>
      <span>
        <span className="sr">{said.now} </span>
        {show(of.now)}
      </span>
    </span>
  );
}
