/* Runs as columns, what they have as rows, differences from the reference. Each table scrolls inside itself; the first column stays. */
import { type ReactNode, useState } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Button } from "@/design/Button";
import { Name, Short } from "@/design/Code";
import { Difference, Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { decimalsOf, measuredText } from "@/design/measured";
import { RunState } from "@/design/RunState";
import { Time } from "@/design/Time";
import styles from "./Compare.module.css";
import type { CompareAnswer, Compared, Row, Rows } from "./query";
import { compareWords } from "./words";

const FIRST = 20;

interface SideBySideProps {
  ws: string;
  of: CompareAnswer;
  /** The reference that was chosen just now; the differences follow. */
  marked: string;
  onReference: (id: string) => void;
  onLeave: (id: string) => void;
}

export function SideBySide({ ws, of, marked, onReference, onLeave }: SideBySideProps) {
  const said = useWords(compareWords);
  const unknown = of.runs.filter((one) => one.packages_of === "").length;
  const metrics: Group = { id: "metrics", title: said.metrics, of: of.metrics, cell: (row) => <MetricCells row={row} reference={of.runs.findIndex((one) => one.id === of.reference)} /> };
  const groups: Group[] = [
    metrics,
    { id: "params", title: said.params, of: of.params, cell: textCells },
    { id: "packages", title: said.packages, of: of.packages, cell: textCells, note: unknown === of.runs.length ? said.packagesNone : unknown > 0 ? said.packagesSome(unknown) : "" },
    { id: "tags", title: said.tags, of: of.tags, cell: textCells },
  ];
  return (
    <div className={styles.frame} tabIndex={0} role="region" aria-label={said.title(of.runs.length)}>
      <table className={styles.table}>
        <caption className="sr">{said.title(of.runs.length)}</caption>
        <Heads ws={ws} of={of} marked={marked} onReference={onReference} onLeave={onLeave} />
        <FactRows runs={of.runs} />
        {groups.map((one) => (
          <GroupRows key={one.id} group={one} span={of.runs.length + 1} />
        ))}
      </table>
    </div>
  );
}

function Heads({ ws, of, marked, onReference, onLeave }: SideBySideProps) {
  const said = useWords(compareWords);
  return (
    <thead>
      <tr>
        <th scope="col" className={styles.first}>
          {said.name}
        </th>
        {of.runs.map((one) => {
          const name = one.name || said.unnamed;
          const mine = one.id === marked;
          return (
            <th key={one.id} scope="col" className={mine ? styles.referenceHead : styles.head}>
              <Go to={to.run(ws, one.id)} className={styles.runName}>
                <Name>{name}</Name>
              </Go>
              <span className={styles.headActs}>
                <label title={said.takeReference(name)}>
                  <input type="radio" name="reference" checked={mine} aria-label={said.takeReference(name)} onChange={() => onReference(one.id)} />
                  {mine && <span> {said.reference}</span>}
                </label>
                {of.runs.length > 2 && (
                  <Button look="bare" aria-label={said.leaveOut(name)} onClick={() => onLeave(one.id)}>
                    ×
                  </Button>
                )}
              </span>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function FactRows({ runs }: { runs: readonly Compared[] }) {
  const said = useWords(compareWords);
  const facts: [string, (run: Compared) => ReactNode][] = [
    [said.state, (run) => <RunState state={run.state} />],
    [said.started, (run) => <Time ms={run.started_ms} as="minute" />],
    [said.took, (run) => (run.duration_ms === null ? said.going : <Figure value={run.duration_ms} as="duration" />)],
    [said.user, (run) => <Name>{run.user}</Name>],
    ...(runs.some((run) => run.commit !== "") ? [[said.commit, (run: Compared) => (run.commit === "" ? <Figure value={null} /> : <Short of={run.commit} />)] as [string, (run: Compared) => ReactNode]] : []),
    ...(runs.some((run) => run.code !== "") ? [[said.digest, (run: Compared) => (run.code === "" ? <Figure value={null} /> : <Short of={run.code} />)] as [string, (run: Compared) => ReactNode]] : []),
    ...(runs.some((run) => run.lock !== "") ? [[said.lock, (run: Compared) => (run.lock === "" ? <Figure value={null} /> : <Short of={run.lock} />)] as [string, (run: Compared) => ReactNode]] : []),
  ];
  return (
    <tbody>
      {facts.map(([name, cell]) => (
        <tr key={name}>
          <th scope="row" className={styles.first}>
            {name}
          </th>
          {runs.map((run) => (
            <td key={run.id}>{cell(run)}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

interface Group {
  id: string;
  title: string;
  of: Rows;
  cell: (row: Row) => ReactNode;
  note?: string;
}

function GroupRows({ group, span }: { group: Group; span: number }) {
  const said = useWords(compareWords);
  const [most, setMost] = useState(FIRST);
  const { rows, count, differing } = group.of;
  const note = group.note ?? "";
  return (
    <tbody id={group.id}>
      <tr className={styles.group}>
        <th scope="rowgroup" colSpan={span}>
          <span className={styles.groupTitle}>
            <h2>{group.title}</h2>
            <span className={styles.small}>
              {count > 0 ? said.differing(differing, count) : note === "" ? said.nothing : ""} {note}
            </span>
          </span>
        </th>
      </tr>
      {rows.slice(0, most).map((row) => (
        <tr key={row.name}>
          <th scope="row" className={styles.first}>
            <Name>{row.name}</Name>
            {row.direction !== null && <span className={styles.small}> {row.direction === "higher" ? said.higher : said.lower}</span>}
          </th>
          {group.cell(row)}
        </tr>
      ))}
      {rows.length === 0 && count > 0 && (
        <tr>
          <td className={styles.small} colSpan={span}>
            {said.same}
          </td>
        </tr>
      )}
      {rows.length > most && (
        <tr>
          <td colSpan={span}>
            <Button onClick={() => setMost(rows.length)}>{said.more}</Button>
          </td>
        </tr>
      )}
      {rows.length <= most && rows.length >= 200 && (
        <tr>
          <td className={styles.small} colSpan={span}>
            {said.cut(rows.length)}
          </td>
        </tr>
      )}
    </tbody>
  );
}

function MetricCells({ row, reference }: { row: Row; reference: number }) {
  const say = useFormats();
  const decimals = decimalsOf(row.values);
  return row.values.map((value, place) => {
    const difference = row.differences[place];
    return (
      <td key={place} className={place === reference ? styles.referenceFigure : styles.figure}>
        <span title={value === null ? undefined : String(value)}>{value === null ? <Figure value={null} /> : measuredText(say, value, decimals)}</span>
        {difference && difference.by !== 0 && (
          <span className={styles.difference}>
            <Difference value={difference.by} better={difference.better === null ? undefined : difference.better} {...(decimals === undefined ? {} : { decimals })} short />
            {difference.part !== null && <span className={styles.small}> ({say.percent(difference.part)})</span>}
          </span>
        )}
      </td>
    );
  });
}

function textCells(row: Row): ReactNode {
  return row.values.map((value, place) => (
    <td key={place} className={styles.text}>
      {value === null ? <Figure value={null} /> : <Name>{String(value)}</Name>}
    </td>
  ));
}
