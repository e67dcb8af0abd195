/* Events: who did what? */
import { Switch } from "@mantine/core";
import { Suspense, useMemo } from "react";
import { useWords } from "@/app/i18n";
import { useUrl, useUrlList, useUrlText } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { DataTable } from "@/design/DataTable";
import { Empty } from "@/design/Empty";
import { FilterField } from "@/design/FilterField";
import { type Formats, useFormats } from "@/design/formats";
import { Loading, Page } from "@/design/Page";
import { StretchFields, useStretch } from "@/design/Stretch";
import { Time } from "@/design/Time";
import { to } from "@/app/links";
import { Go } from "@/design/Go";
import styles from "./EventsPage.module.css";
import { EventPanel } from "./EventPanel";
import { type EventRow, exportOf, type Sought, useEvents } from "./query";
import { TypeChoice } from "./TypeChoice";
import { eventWords } from "./words";

const CLOCK = "clock.advanced";
/** Milliseconds above this are a moment, below it a stretch of time. */
const MOMENT_MS = 1e11;

export function EventsPage({ ws }: { ws: string }) {
  const said = useWords(eventWords);
  const [search, change] = useUrl();
  const [type] = useUrlList("type");
  const [follow, setFollow] = useUrlText("follow", "yes");
  const { fromMs, toMs } = useStretch();
  const subject = search.subject ?? "";
  const correlation = search.correlation ?? "";
  // A replay steps its clock each day: where types are not chosen, these steps are left out until they are asked for.
  const [clock, setClock] = useUrlText("clock", "no");
  const without = type.length === 0 && clock !== "yes" ? [CLOCK] : [];
  const sought: Sought = { type, without, subject, correlation, from_ms: fromMs, to_ms: toMs };
  const list = useEvents(ws, sought, follow === "yes" && toMs === undefined);
  const columns = useColumns(ws);
  const filtered = type.length > 0 || subject !== "" || correlation !== "" || fromMs !== undefined || toMs !== undefined;
  const open = search.event ?? "";
  return (
    <Page
      title={said.title}
      question={said.question}
      command={list.first.command}
      exports={{ NDJSON: exportOf(ws, sought, "ndjson"), JSON: exportOf(ws, sought, "json"), CSV: exportOf(ws, sought, "csv") }}
      waiting={list.waiting}
    >
      <div className={styles.filters} role="search">
        <TypeChoice known={list.first.types} chosen={type} onChoose={(chosen) => change({ type: chosen.join(",") })} />
        <FilterField label={said.subject} value={subject} onSet={(value) => change({ subject: value })} wide />
        <FilterField label={said.correlation} value={correlation} onSet={(value) => change({ correlation: value })} />
        <StretchFields />
        {type.length === 0 && list.first.types.includes(CLOCK) && (
          <Switch size="xs" label={said.clock} checked={clock === "yes"} onChange={(event) => setClock(event.currentTarget.checked ? "yes" : "no")} />
        )}
        <Switch
          size="xs"
          label={said.follow}
          title={said.following}
          checked={follow === "yes"}
          onChange={(event) => setFollow(event.currentTarget.checked ? "yes" : "no", { replace: true })}
        />
        {filtered && (
          <Button look="bare" onClick={() => change({ type: "", subject: "", correlation: "", from: "", to: "" })}>
            {said.clear}
          </Button>
        )}
        <span className={styles.count} role="status">
          {said.shown(list.rows.length, list.total > list.rows.length)}
        </span>
      </div>
      <div className={open ? styles.beside : undefined}>
        {open !== "" && (
          <Suspense fallback={<Loading />}>
            <EventPanel ws={ws} id={open} follow={list.first.follow} />
          </Suspense>
        )}
        <DataTable
          label={said.list}
          rows={list.rows}
          total={list.total}
          columns={columns}
          rowKey={(row) => row.id}
          onSeen={list.onSeen}
          maxHeight="calc(100dvh - 17rem)"
          empty={<Empty command={filtered ? list.first.command : "regie apply"}>{filtered ? said.noneFound : said.none}</Empty>}
        />
      </div>
    </Page>
  );
}

function useColumns(ws: string): Column<EventRow>[] {
  const said = useWords(eventWords);
  return useMemo(
    () => [
      { id: "time", head: said.time, width: 220, cell: (row) => <Time ms={row.time_ms} business={ws} as="exact" /> },
      { id: "type", head: said.type, width: 195, cell: (row) => <Open row={row} /> },
      { id: "subject", head: said.subject, width: 215, cell: (row) => <Subject ws={ws} row={row} /> },
      { id: "details", head: said.details, width: 290, cell: (row) => <Told of={row.data} /> },
      { id: "number", head: said.number, width: 70, align: "end", cell: (row) => row.seq },
    ],
    [said, ws],
  );
}

function Open({ row }: { row: EventRow }) {
  const [search, change] = useUrl();
  return (
    <button
      type="button"
      className={styles.open}
      aria-expanded={search.event === row.id}
      onClick={() => change({ event: search.event === row.id ? "" : row.id })}
    >
      <code>{row.type}</code>
    </button>
  );
}

function Subject({ ws, row }: { ws: string; row: EventRow }) {
  const said = useWords(eventWords);
  return (
    <Go to={to.events(ws, { subject: row.subject })} title={said.onlySubject(row.subject.slice(0, 200))}>
      <Name>{row.subject}</Name>
    </Go>
  );
}

/** The facts in a line: `version 24 · because promise.kept`. */
function Told({ of }: { of: Readonly<Record<string, unknown>> }) {
  const say = useFormats();
  const facts = Object.entries(of).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && value.length === 0));
  return (
    <span className={styles.told}>
      {facts.slice(0, 8).map(([name, value]) => (
        <span key={name}>
          <span className={styles.fact}>{name.replace(/_ms$/, "")}</span> <bdi>{name.endsWith("_ms") ? timeOf(value, say) : textOf(value)}</bdi>
        </span>
      ))}
    </span>
  );
}

function timeOf(value: unknown, say: Formats): string {
  if (typeof value !== "number") return textOf(value);
  return value > MOMENT_MS ? say.exact(value, { utc: true, seconds: false }) : say.duration(value);
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
