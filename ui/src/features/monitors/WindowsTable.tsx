/* The windows of a monitor as a table, the newest first: what the strip or the chart draws, in figures. */
import { useState } from "react";
import { useWords } from "@/app/i18n";
import { DataTable } from "@/design/DataTable";
import { useFormats } from "@/design/formats";
import { State } from "@/design/State";
import { Time } from "@/design/Time";
import { designWords } from "@/design/words";
import page from "./MonitorsPage.module.css";
import type { Monitor, SignalWindow } from "./query";
import { inWords, monitorWords } from "./words";

export function WindowsTable({ monitor, ws }: { monitor: Monitor; ws: string }) {
  const said = useWords(monitorWords);
  const [open, setOpen] = useState(false);
  if (monitor.windows.length === 0) return null;
  return (
    <details className={page.windows} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className={page.note}>{said.windowsTable}</summary>
      {open && <Inside monitor={monitor} ws={ws} />}
    </details>
  );
}

function Inside({ monitor, ws }: { monitor: Monitor; ws: string }) {
  const said = useWords(monitorWords);
  const { colon } = useWords(designWords);
  const say = useFormats();
  const quality = monitor.kind === "quality";
  const shown = (value: number | null) => (monitor.number === "fraction" ? say.percent(value, 2) : say.number(value, 4));
  const interval = (row: SignalWindow) => (row.low === null ? "–" : `${shown(row.low)} – ${shown(row.high)}`);
  return (
    <DataTable
      label={`${said.windowsTable}${colon}${monitor.name}`}
      rows={[...monitor.windows].reverse()}
      rowKey={(row) => `${row.to_ms}.${row.version}`}
      maxHeight="22rem"
      columns={[
        { id: "to", head: said.to, width: 180, cell: (row) => <Time ms={row.to_ms} business={ws} as="minute" /> },
        { id: "version", head: said.version, width: 80, align: "end", cell: (row) => `@${row.version}` },
        { id: "value", head: said.figure, width: 100, align: "end", cell: (row) => shown(row.value) },
        ...(quality
          ? [
              { id: "interval", head: said.interval, width: 160, align: "end" as const, cell: interval },
              { id: "bound", head: said.bound, width: 100, align: "end" as const, cell: (row: SignalWindow) => shown(row.bound) },
              { id: "coverage", head: said.coverageHead, width: 90, align: "end" as const, cell: (row: SignalWindow) => say.percent(row.coverage) },
            ]
          : [{ id: "p", head: "p", width: 80, align: "end" as const, cell: (row: SignalWindow) => say.number(row.p_value, 3) }]),
        { id: "rows", head: said.rowsHead, width: 90, align: "end", cell: (row) => say.whole(row.rows) },
        { id: "verdict", head: said.state, width: 120, cell: (row) => <Verdict of={row} /> },
        { id: "because", head: said.because, width: 280, cell: (row) => inWords(said.rules, row.because) },
      ]}
    />
  );
}

function Verdict({ of }: { of: SignalWindow }) {
  const said = useWords(monitorWords);
  return <State tone={of.verdict === "broken" ? "bad" : of.verdict === "kept" ? "good" : "quiet"}>{inWords(said.verdict, of.verdict)}</State>;
}
