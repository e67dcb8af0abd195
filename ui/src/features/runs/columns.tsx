/* The columns of the list: what every run has, then what was chosen. */
import { to } from "@/app/links";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { Figure } from "@/design/Figure";
import type { Formats } from "@/design/formats";
import { Go } from "@/design/Go";
import { decimalsOf, measuredText } from "@/design/measured";
import { runTone } from "@/design/RunState";
import { Mark } from "@/design/State";
import { Time } from "@/design/Time";
import type { RunColumn, RunRow } from "./query";
import styles from "./Runs.module.css";
import type { runsWords } from "./words";

/** Longer than this, even a figure is cut like a text. */
const WIDEST = 13;

type Said = (typeof runsWords)["en"];

export function columnsOf(ws: string, chosen: readonly RunColumn[], first: readonly RunRow[], several: boolean, said: Said, say: Formats): Column<RunRow>[] {
  return [
    {
      id: "name",
      head: said.name,
      sort: "name",
      width: 250,
      cell: (row) => (
        <Go to={to.run(ws, row.id)} className={styles.name}>
          <Mark tone={runTone(row.state)} />
          {row.name === "" ? said.unnamed : <Name>{row.name}</Name>}
        </Go>
      ),
    },
    { id: "started", head: said.started, sort: "started", width: 170, cell: (row) => <Time ms={row.started_ms} /> },
    {
      id: "took",
      head: said.took,
      width: 90,
      align: "end",
      cell: (row) => (row.ended_ms === null ? <span className={styles.quiet}>{said.going}</span> : <Figure value={row.ended_ms - row.started_ms} as="duration" />),
    },
    { id: "user", head: said.user, sort: "user", width: 110, cell: (row) => <Name>{row.user}</Name> },
    ...(several ? [{ id: "experiment", head: said.experiment, width: 150, cell: (row: RunRow) => <Name>{row.experiment.name}</Name> }] : []),
    ...chosen.map((one, place) => cellOf(one, place, first, said, say)),
  ];
}

function cellOf(column: RunColumn, place: number, first: readonly RunRow[], said: Said, say: Formats): Column<RunRow> {
  const of = column.kind === "metric";
  const values = first.map((row) => row.cells[place]);
  const figures = of || values.every((value) => value === null || (typeof value === "string" && value.trim() !== "" && value.length < WIDEST && Number.isFinite(Number(value))));
  const decimals = of ? decimalsOf(values) : undefined;
  const way = column.direction === "higher" ? ` ${said.higher}` : column.direction === "lower" ? ` ${said.lower}` : "";
  return {
    id: column.short,
    head: column.key,
    hint: `${column.key} (${said[column.kind]}).${way}`,
    sort: column.short,
    align: figures ? "end" : "start",
    width: Math.min(260, Math.max(100, column.key.length * 8 + 40)),
    cell: (row) => {
      const value = row.cells[place];
      if (value === null || value === undefined) return <Figure value={null} />;
      return of ? <span title={String(value)}>{measuredText(say, value, decimals)}</span> : <Name>{String(value)}</Name>;
    },
  };
}
