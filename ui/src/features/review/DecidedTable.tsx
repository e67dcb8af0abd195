/* Questions that are over: what came of each, who decided, and why. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { Go } from "@/design/Go";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import type { Decided } from "./query";
import { reviewWords } from "./words";

export const TONES: Record<Decided["state"], Tone> = { pending: "needs", granted: "good", refused: "bad", expired: "off", superseded: "off" };

/** `everywhere`: of several workspaces, and as links. */
export function DecidedTable({ rows, everywhere = false }: { rows: readonly Decided[]; everywhere?: boolean }) {
  const said = useWords(reviewWords);
  const columns: Column<Decided>[] = [
    { id: "version", head: said.version, cell: (row) => <Subject of={row} linked={everywhere} /> },
    ...(everywhere ? [{ id: "workspace", head: said.workspace, cell: (row: Decided) => row.workspace }] : []),
    { id: "outcome", head: said.outcome, cell: (row) => <State tone={TONES[row.state]}>{said.states[row.state] ?? row.state}</State> },
    { id: "by", head: said.by, cell: (row) => (row.decided_by ? <Name>{row.decided_by}</Name> : "–") },
    { id: "when", head: said.when, cell: (row) => <Time ms={row.decided_ms ?? row.requested_ms} business={row.workspace} as="minute" /> },
    { id: "why", head: said.why, cell: (row) => <Name>{row.reason || (row.decided_by ? "–" : said.askedBecause(row.because))}</Name> },
  ];
  return <Table label={said.decided} rows={rows} columns={columns} rowKey={(row) => `${row.workspace}/${row.model}@${row.version}/${row.requested_ms}`} />;
}

function Subject({ of, linked }: { of: Decided; linked: boolean }) {
  const version = `${of.model}@${of.version}`;
  return linked ? (
    <Go to={to.reviewOf(of.workspace, version)}>
      <Name>{version}</Name>
    </Go>
  ) : (
    <Name>{version}</Name>
  );
}
