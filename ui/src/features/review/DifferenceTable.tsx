/* What is not as in the champion: data, code, lock, window and parameters. */
import { useWords } from "@/app/i18n";
import { Name, Short } from "@/design/Code";
import type { Column } from "@/design/columns";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import type { Differs } from "./query";
import styles from "./Review.module.css";
import { reviewWords } from "./words";

const DIGESTS = new Set<Differs["thing"]>(["package", "code", "lock", "snapshot"]);

export function DifferenceTable({ rows, ws }: { rows: readonly Differs[]; ws: string }) {
  const said = useWords(reviewWords);
  const columns: Column<Differs>[] = [
    { id: "thing", head: said.thing, cell: (row) => <Thing of={row} /> },
    { id: "champion", head: said.championHas, cell: (row) => <span className={styles.has}><Has thing={row.thing} value={row.champion} ws={ws} /></span> },
    { id: "version", head: said.versionHas, cell: (row) => <span className={styles.has}><Has thing={row.thing} value={row.version} ws={ws} /></span> },
  ];
  return <Table label={said.differences} rows={rows} columns={columns} rowKey={(row) => `${row.thing} ${row.name}`} />;
}

function Thing({ of }: { of: Differs }) {
  const said = useWords(reviewWords);
  return (
    <span className={styles.thing}>
      {said.things[of.thing] ?? of.thing} {of.name !== "" && <Name>{of.name}</Name>}
    </span>
  );
}

function Has({ thing, value, ws }: { thing: Differs["thing"]; value: Differs["version"]; ws: string }) {
  const said = useWords(reviewWords);
  if (value === null || value === "") return <span className={styles.quiet}>{said.absent}</span>;
  if (thing === "seen_until") return <Time ms={Number(value)} business={ws} as="minute" />;
  if (DIGESTS.has(thing)) return <Short of={String(value)} length={12} />;
  return <Name>{String(value)}</Name>;
}
