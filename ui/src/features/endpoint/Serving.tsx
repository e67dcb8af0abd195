/* What answers: the wanted route, and the nodes that take it up. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Short } from "@/design/Code";
import type { Column } from "@/design/columns";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import { designWords } from "@/design/words";
import styles from "./EndpointPage.module.css";
import type { Endpoint, ServingNode, Variant } from "./query";
import { endpointWords } from "./words";

export function Route({ of }: { of: Endpoint }) {
  const said = useWords(endpointWords);
  const say = useFormats();
  const head = (id: string) => said.columns[id] ?? id;
  const columns: Column<Variant>[] = [
    { id: "version", head: head("version"), cell: (one) => <Go to={to.model(of.workspace, of.model, { version: one.version })}>{said.version(one.version)}</Go> },
    { id: "role", head: head("role"), cell: (one) => said.role[one.role] ?? one.role },
    { id: "mode", head: head("mode"), cell: (one) => one.mode },
    { id: "share", head: head("share"), align: "end", cell: (one) => (one.mode === "live" ? say.percent(one.share) : one.only === "" ? say.percent(one.share) : said.only(said.role[one.only] ?? one.only)) },
  ];
  return <Table label={said.route} rows={of.variants} columns={columns} rowKey={(one) => `${one.version}${one.mode}${one.only}`} />;
}

const TONES: Record<ServingNode["state"], Tone> = { serving: "good", behind: "moving", failed: "bad", away: "off" };

export function Nodes({ of }: { of: Endpoint }) {
  const said = useWords(endpointWords);
  const columns: Column<ServingNode>[] = [
    { id: "node", head: said.node, cell: (one) => <Short of={one.id} /> },
    {
      id: "state", head: said.state,
      cell: (one) => (
        <span className={styles.stacked}>
          <State tone={TONES[one.state]}>{said.nodeState[one.state] ?? one.state}</State>
          {one.failed !== "" && <bdi className={styles.quiet}>{one.failed}</bdi>}
        </span>
      ),
    },
    { id: "generation", head: said.generation, align: "end", cell: (one) => `${one.generation} / ${of.generation}` },
    { id: "seen", head: said.seen, cell: (one) => <Time ms={one.seen_wall_ms} /> },
    { id: "address", head: said.address, cell: (one) => <code className={styles.address}>{one.address}</code> },
    { id: "memory", head: said.processes, cell: (one) => <Processes of={one} /> },
    { id: "failing", head: said.failing, cell: (one) => <Trouble of={one} /> },
  ];
  return <Table label={said.nodes} rows={of.nodes} columns={columns} rowKey={(one) => one.id} empty={<Empty command="regie up">{said.noNodes}</Empty>} />;
}

function Processes({ of }: { of: ServingNode }) {
  const said = useWords(endpointWords);
  const say = useFormats();
  if (of.processes === null) return <>–</>;
  return (
    <ul className={styles.plain}>
      {of.processes.map((one) => (
        <li key={one.version ?? "router"}>
          {say.bytes(one.memory_bytes)} <span className={styles.quiet}>{one.version === null ? said.router : said.version(one.version)}</span>
        </li>
      ))}
    </ul>
  );
}

function Trouble({ of }: { of: ServingNode }) {
  const said = useWords(endpointWords);
  const { colon } = useWords(designWords);
  if (of.failing.length === 0) return <>–</>;
  return (
    <ul className={styles.plain}>
      {of.failing.map((one) => (
        <li key={one.version}>
          {said.version(one.version)}
          {colon}
          {said.fellBack(one.fallbacks, one.shadow_errors, one.restarts)}
          {one.last_error !== "" && <bdi className={`${styles.quiet} ${styles.error}`}>{one.last_error}</bdi>}
        </li>
      ))}
    </ul>
  );
}
