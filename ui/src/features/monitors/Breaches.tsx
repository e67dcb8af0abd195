/* The breaches of the stretch: what was seen, how it ended, what it started. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Name } from "@/design/Code";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { State } from "@/design/State";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import page from "./MonitorsPage.module.css";
import type { Breach, Monitor } from "./query";
import { inWords, monitorWords } from "./words";

interface BreachesProps {
  ws: string;
  model: string;
  breaches: readonly Breach[];
  monitors: readonly Monitor[];
}

export function Breaches({ ws, model, breaches, monitors }: BreachesProps) {
  const said = useWords(monitorWords);
  const numbers = new Map(monitors.map((one) => [one.name, one.number]));
  return (
    <Section title={said.breaches}>
      <Table
        label={said.breaches}
        rows={breaches}
        rowKey={(row) => row.id}
        empty={<p className={page.note}>{said.breachesNone}</p>}
        marked={(row) => row.state === "open"}
        columns={[
          { id: "opened", head: said.opened, cell: (row) => <Opened ws={ws} of={row} /> },
          { id: "state", head: said.state, cell: (row) => <span className={page.whole}><State tone={row.state === "open" ? "bad" : "off"}>{row.state === "open" ? said.open : said.closed}</State></span> },
          { id: "monitor", head: said.monitor, cell: (row) => <Promise of={row} /> },
          { id: "version", head: said.version, cell: (row) => <Go to={to.model(ws, model, { version: row.version })}>{`@${row.version}`}</Go> },
          { id: "seen", head: said.seen, cell: (row) => <Seen of={row} number={numbers.get(row.monitor) ?? "number"} /> },
          { id: "ended", head: said.ended, cell: (row) => <Ended ws={ws} of={row} /> },
          { id: "started", head: said.started, cell: (row) => <What ws={ws} model={model} of={row} /> },
        ]}
      />
    </Section>
  );
}

/** Leads to its causes and effects. */
function Opened({ ws, of }: { ws: string; of: Breach }) {
  const said = useWords(monitorWords);
  return (
    <Go to={to.events(ws, { correlation: of.event, event: of.event })} className={page.whole} title={said.event}>
      <Time ms={of.opened_ms} business={ws} as="minute" />
    </Go>
  );
}

/** `Drift`, and which one where its name says more. */
function Promise({ of }: { of: Breach }) {
  const said = useWords(monitorWords);
  return (
    <>
      {inWords(said.kinds, of.kind)} <span className={page.note}><Name>{of.monitor}</Name></span>
    </>
  );
}

function Seen({ of, number }: { of: Breach; number: string }) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const window = of.window;
  if (window === null) return <>–</>;
  const shown = (value: number | null) => (number === "fraction" ? say.percent(value, 2) : say.number(value, 4));
  const interval = window.low === null ? "" : ` [${shown(window.low)} ; ${shown(window.high)}]`;
  const bound = window.bound === null ? "" : `, ${said.bound} ${shown(window.bound)}`;
  return <>{`${shown(window.value)}${interval}${bound}`}</>;
}

function Ended({ ws, of }: { ws: string; of: Breach }) {
  const said = useWords(monitorWords);
  if (of.closed_ms === null) return <>–</>;
  return (
    <>
      <span className={page.whole}><Time ms={of.closed_ms} business={ws} as="minute" /></span> {of.ended !== "" && <span className={page.note}>{inWords(said.ends, of.ended)}</span>}
    </>
  );
}

function What({ ws, model, of }: { ws: string; model: string; of: Breach }) {
  const said = useWords(monitorWords);
  if (of.started.length === 0) return <>{said.startedNone}</>;
  return (
    <>
      {of.started.map((one) => (
        <span key={one.run}>
          {one.reaction} → {one.pipeline} <Go to={to.steps(ws, one.run)}>{one.run.slice(-8)}</Go>
          {one.versions.map((version) => (
            <span key={version}>
              {" → "}
              <Go to={to.model(ws, model, { version })}>{`${model}@${version}`}</Go>
            </span>
          ))}
        </span>
      ))}
    </>
  );
}
