/* Audit: is the record whole, and who did what to which thing? */
import { Select, Switch } from "@mantine/core";
import { useMemo } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { DataTable } from "@/design/DataTable";
import { Empty } from "@/design/Empty";
import { FilterField } from "@/design/FilterField";
import { Go } from "@/design/Go";
import { Page } from "@/design/Page";
import { State } from "@/design/State";
import { StretchFields, useStretch } from "@/design/Stretch";
import { Time } from "@/design/Time";
import styles from "./AuditPage.module.css";
import { ChainState } from "./ChainState";
import { type AuditRecord, exportOf, type Sought, useRecords } from "./query";
import { RecordPanel } from "./RecordPanel";
import { auditWords } from "./words";

export function AuditPage({ ws }: { ws: string }) {
  const said = useWords(auditWords);
  const [search, change] = useUrl();
  const { fromMs, toMs } = useStretch();
  const part = (name: string) => search[name] ?? "";
  const everywhere = part("everywhere") === "yes" ? true : undefined;
  const sought: Sought = {
    actor: part("actor"), action: part("action"), target: part("target"), result: part("result"), from_ms: fromMs, to_ms: toMs, everywhere,
  };
  const follow = part("follow") !== "no";
  const list = useRecords(ws, sought, follow && toMs === undefined);
  const columns = useColumns(ws, list.first.everywhere);
  const filtered = Object.values({ ...sought, everywhere: undefined }).some((one) => one !== "" && one !== undefined);
  const open = Number(part("record"));
  return (
    <Page
      title={said.title}
      question={said.question}
      command={list.first.command}
      exports={{ NDJSON: exportOf(ws, sought, "ndjson"), JSON: exportOf(ws, sought, "json"), CSV: exportOf(ws, sought, "csv") }}
      waiting={list.waiting}
    >
      <ChainState ws={ws} chain={list.first.chain} onVerified={list.refresh} />
      <div className={styles.filters} role="search">
        <Choice label={said.actor} any={said.any} known={list.first.actors} value={sought.actor} onChoose={(actor) => change({ actor })} />
        <Choice label={said.action} any={said.any} known={list.first.actions} value={sought.action} onChoose={(action) => change({ action })} />
        <FilterField label={said.target} value={sought.target} onSet={(target) => change({ target })} wide />
        <StretchFields />
        <Switch size="xs" label={said.onlyRefused} checked={sought.result === "refused"} onChange={(event) => change({ result: event.currentTarget.checked ? "refused" : "" })} />
        {list.first.may_everywhere && (
          <Switch size="xs" label={said.everywhere} checked={everywhere === true} onChange={(event) => change({ everywhere: event.currentTarget.checked ? "yes" : "" })} />
        )}
        <Switch size="xs" label={said.follow} checked={follow} onChange={(event) => change({ follow: event.currentTarget.checked ? "" : "no" }, { replace: true })} />
        {filtered && (
          <Button look="bare" onClick={() => change({ actor: "", action: "", target: "", result: "", from: "", to: "" })}>
            {said.clear}
          </Button>
        )}
        <span className={styles.count} role="status">
          {said.shown(list.rows.length, list.total > list.rows.length)}
        </span>
      </div>
      <div className={open > 0 ? styles.beside : undefined}>
        {open > 0 && <RecordPanel ws={ws} seq={open} everywhere={everywhere} />}
        <DataTable
          label={said.list}
          rows={list.rows}
          total={list.total}
          columns={columns}
          rowKey={(row) => String(row.seq)}
          onSeen={list.onSeen}
          maxHeight="calc(100dvh - 17rem)"
          empty={<Empty command={filtered ? list.first.command : "regie apply"}>{filtered ? said.noneFound : said.none}</Empty>}
        />
      </div>
    </Page>
  );
}

function Choice({ label, any, known, value, onChoose }: { label: string; any: string; known: readonly string[]; value: string; onChoose: (value: string) => void }) {
  const all = value === "" || known.includes(value) ? known : [...known, value];
  return (
    <Select className={styles.choice} size="xs" label={label} placeholder={any} data={[...all]} value={value || null} onChange={(chosen) => onChoose(chosen ?? "")} searchable clearable />
  );
}

function useColumns(ws: string, everywhere: boolean): Column<AuditRecord>[] {
  const said = useWords(auditWords);
  return useMemo(
    () => [
      { id: "number", head: said.number, width: 72, align: "end", cell: (row) => <Open row={row} /> },
      { id: "time", head: said.time, width: 215, cell: (row) => <Time ms={row.wall_ms} as="exact" /> },
      ...(everywhere ? [{ id: "workspace", head: said.workspace, width: 110, cell: (row: AuditRecord) => <Name>{row.workspace}</Name> }] : []),
      { id: "actor", head: said.actor, width: 125, cell: (row) => <Actor ws={ws} row={row} /> },
      { id: "result", head: said.result, width: 85, cell: (row) => <Result row={row} /> },
      { id: "action", head: said.action, width: 150, cell: (row) => <code>{row.action}</code> },
      { id: "target", head: said.target, width: 170, cell: (row) => <Target ws={ws} row={row} /> },
      { id: "why", head: said.why, width: 175, cell: (row) => <Reason row={row} /> },
    ],
    [said, ws, everywhere],
  );
}

function Open({ row }: { row: AuditRecord }) {
  const [search, change] = useUrl();
  const open = search.record === String(row.seq);
  return (
    <button type="button" className={styles.open} aria-expanded={open} onClick={() => change({ record: open ? "" : String(row.seq) })}>
      {row.seq}
    </button>
  );
}

function Actor({ ws, row }: { ws: string; row: AuditRecord }) {
  const said = useWords(auditWords);
  return (
    <Go to={to.audit(ws, { actor: row.actor })} title={said.onlyActor(row.actor)}>
      <Name>{row.actor}</Name>
    </Go>
  );
}

function Target({ ws, row }: { ws: string; row: AuditRecord }) {
  const said = useWords(auditWords);
  return (
    <Go to={to.audit(ws, { target: row.target })} title={said.onlyTarget}>
      <Name>{row.target}</Name>
    </Go>
  );
}

export function Result({ row }: { row: AuditRecord }) {
  const said = useWords(auditWords);
  if (row.result === "done") return <span className={styles.done}>{said.done}</span>;
  return <State tone="bad">{row.result === "refused" ? said.refused : row.result}</State>;
}

/** Of a refusal the rule matters, of a deed what its actor said. */
function Reason({ row }: { row: AuditRecord }) {
  const text = row.result === "done" ? row.reason || row.rule : row.rule;
  return <bdi className={row.result === "done" ? styles.quiet : undefined}>{text.slice(0, 300)}</bdi>;
}
