/* Two versions beside each other: what the gates measured of both, and what each of them is made of. */
import type { ReactNode } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Short } from "@/design/Code";
import { Difference, Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import styles from "./BesideVersions.module.css";
import { ChangedList } from "./ChangedList";
import type { Beside, Metric, Side } from "./query";
import { asOf } from "./units";
import { modelWords } from "./words";

interface BesideProps {
  of: Beside;
  ws: string;
  model: string;
  champion: number | null;
  challenger: number | null;
}

export function BesideVersions({ of, ws, model, champion, challenger }: BesideProps) {
  const said = useWords(modelWords);
  const { older, newer } = of;
  const name = (side: Side) => said.sideName(side.version, side.version === champion ? "champion" : side.version === challenger ? "challenger" : "");
  const title = older === null ? said.madeOf(newer.version) : said.beside(name(older), name(newer));
  return (
    <Section title={title} id="beside" tools={older !== null && of.runs && <Go to={to.compare(ws, [older.run_id, newer.run_id])}>{said.compareRuns}</Go>}>
      {of.figures.length > 0 && <Measured of={of} name={name} />}
      <table className={styles.made}>
        <caption className="sr">{said.madeOfCaption}</caption>
        <thead>
          <tr>
            <td />
            {older !== null && (
              <th scope="col">
                <Go to={to.model(ws, model, { version: older.version })}>{name(older)}</Go>
              </th>
            )}
            <th scope="col">
              <Go to={to.model(ws, model, { version: newer.version })}>{name(newer)}</Go>
            </th>
          </tr>
        </thead>
        <tbody>
          {factsOf(of).map((fact) => (
            <Row key={fact.name} fact={fact} of={of} ws={ws} />
          ))}
        </tbody>
      </table>
      <div className={styles.changes}>
        <ChangedList title={said.params} rows={of.params} />
        <ChangedList title={said.libraries} rows={of.libraries} />
        <ChangedList title={said.columns} rows={of.columns} />
      </div>
    </Section>
  );
}

function Measured({ of, name }: { of: Beside; name: (side: Side) => string }) {
  const said = useWords(modelWords);
  const say = useFormats();
  const { older, newer } = of;
  const rangeOf = (one: Metric) => (one.low === null || one.high === null ? null : `[${say.number(one.low)} ; ${say.number(one.high)}]`);
  return (
    <Table<Metric>
      label={said.measured}
      rows={of.figures}
      rowKey={(one) => one.metric}
      columns={[
        { id: "metric", head: said.metric, cell: (one) => <bdi>{one.metric}</bdi> },
        ...(older === null
          ? []
          : [
              {
                id: "older",
                head: name(older),
                align: "end" as const,
                cell: (one: Metric) => (
                  <span className={one.same_rows ? undefined : styles.otherRows} title={one.same_rows || one.older === null ? undefined : said.otherRows}>
                    <Figure value={one.older} as={asOf(one.kind)} />
                    {!one.same_rows && one.older !== null && <span className="sr"> ({said.otherRows})</span>}
                  </span>
                ),
              },
            ]),
        {
          id: "newer",
          head: name(newer),
          align: "end",
          cell: (one) => (
            <>
              <Figure value={one.newer} as={asOf(one.kind)} /> <span className={styles.range}>{rangeOf(one)}</span>
            </>
          ),
        },
        ...(older === null
          ? []
          : [
              {
                id: "difference",
                head: said.difference,
                cell: (one: Metric) =>
                  one.difference === null ? (
                    <span className={styles.quiet}>{one.older === null || one.newer === null ? "–" : said.noPair}</span>
                  ) : (
                    <Difference value={one.difference} better={one.better} low={one.difference_low} high={one.difference_high} />
                  ),
                hint: said.differenceHint,
              },
            ]),
        { id: "rows", head: said.onRows, align: "end", cell: (one) => (one.rows > 0 ? said.rowsDays(one.rows, one.days) : "–") },
      ]}
    />
  );
}

interface Fact {
  name: "data" | "snapshots" | "window" | "code" | "params" | "lock" | "columns" | "package" | "bytes" | "answers" | "by" | "created";
  /** What `same` calls it. */
  key?: string;
}

function factsOf(of: Beside): Fact[] {
  const packed = of.newer.package !== null || (of.older?.package ?? null) !== null;
  return [
    { name: "created" },
    { name: "by" },
    { name: "data", key: "window" },
    { name: "snapshots", key: "snapshots" },
    { name: "code", key: "code" },
    { name: "lock", key: "lock" },
    ...(packed ? ([{ name: "columns", key: "columns" }, { name: "package", key: "package" }, { name: "bytes" }, { name: "answers" }] as const) : []),
  ];
}

function Row({ fact, of, ws }: { fact: Fact; of: Beside; ws: string }) {
  const said = useWords(modelWords);
  const same = fact.key !== undefined && of.same.includes(fact.key);
  return (
    <tr className={same ? styles.same : undefined}>
      <th scope="row">{said.facts[fact.name]}</th>
      {of.older !== null && (
        <td data-side={`v${String(of.older.version)}`}>
          <Value side={of.older} fact={fact.name} ws={ws} />
        </td>
      )}
      <td data-side={`v${String(of.newer.version)}`}>
        {same && of.older !== null ? <span className={styles.quiet}>{said.theSame}</span> : <Value side={of.newer} fact={fact.name} ws={ws} />}
      </td>
    </tr>
  );
}

interface ValueProps {
  side: Side;
  fact: Fact["name"];
  ws: string;
}

function Value({ side, fact, ws }: ValueProps): ReactNode {
  const said = useWords(modelWords);
  const say = useFormats();
  const { package: packed } = side;
  const none = <Figure value={null} />;
  if (fact === "created") return <Time ms={side.created_ms} business={ws} as="minute" />;
  if (fact === "by") {
    return side.run_id === "" ? <bdi>{side.by || "–"}</bdi> : <Go to={to.run(ws, side.run_id)}>{said.startedBy(side.by)}</Go>;
  }
  if (fact === "data") {
    return (
      <>
        {said.trainedOn(side.window, side.rows)}
        {side.seen_until_ms > 0 && (
          <span className={styles.under}>{said.seenUntil(say.day(side.seen_until_ms, { utc: true }))}</span>
        )}
      </>
    );
  }
  if (fact === "snapshots") {
    const known = Object.entries(side.snapshots);
    if (known.length === 0) return none;
    return known.map(([name, digest]) => (
      <span key={name} className={styles.line}>
        <Go to={to.dataset(ws, name, { snapshot: digest })}>
          <bdi>{name}</bdi>
        </Go>{" "}
        <Short of={digest} />
      </span>
    ));
  }
  if (fact === "code") {
    if (side.code === "") return none;
    return (
      <>
        <Short of={side.code} />
        {side.commit !== "" && <span className={styles.under}>{said.commit(side.commit.slice(0, 10))}</span>}
      </>
    );
  }
  if (fact === "lock") return side.lock === "" ? none : <span><Short of={side.lock} /> <span className={styles.quiet}>{said.parts(side.libraries)}</span></span>;
  if (packed === null) return none;
  if (fact === "columns") return packed.columns === 0 ? none : said.columnCount(packed.columns);
  if (fact === "package") return <Short of={packed.digest} />;
  if (fact === "bytes") {
    return (
      <>
        <Figure value={packed.bytes} as="bytes" /> <span className={styles.quiet}>{said.files(packed.files)}</span>
      </>
    );
  }
  if (packed.path === "") return none;
  return (
    <>
      {packed.compiled ? said.compiled(packed.path) : said.native}
      {packed.compiled && packed.proved_rows !== null && (
        <span className={styles.under}>{said.proved(packed.proved_rows, packed.greatest_difference === null ? "" : say.number(packed.greatest_difference))}</span>
      )}
    </>
  );
}
