/* The evidence: each gate's figure with its interval against its bound, beside the champion, and by groups. */
import { useWords } from "@/app/i18n";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { Empty } from "@/design/Empty";
import { type As, Difference, Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { IntervalBar } from "@/design/Interval";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import type { Gate } from "./query";
import styles from "./Review.module.css";
import { reviewWords } from "./words";

const TONES: Record<string, Tone> = { passed: "good", failed: "bad", not_enough_evidence: "quiet", not_applicable: "off" };
const HOLDS: Record<string, boolean> = { passed: true, failed: false };

const DECIMALS = 4; // of a difference: they align, and more would be noise

const as = (of: Gate): As => (of.unit === "bytes" ? "bytes" : of.unit === "ms" ? "duration" : "number");

export function GateTable({ gates }: { gates: readonly Gate[] }) {
  const said = useWords(reviewWords);
  const columns: Column<Gate>[] = [
    { id: "gate", head: said.gate, cell: (row) => <code>{row.gate}</code> },
    { id: "figure", head: said.figure, align: "end", cell: (row) => <Value of={row} /> },
    { id: "range", head: said.range, cell: (row) => <Range of={row} /> },
    { id: "bound", head: said.bound, align: "end", cell: (row) => <Figure value={row.bound} as={as(row)} /> },
    { id: "champion", head: said.besideChampion, align: "end", cell: (row) => <ChampionDifference of={row} /> },
    { id: "verdict", head: said.verdict, cell: (row) => <State tone={TONES[row.verdict] ?? "quiet"}>{said.verdicts[row.verdict] ?? row.verdict}</State> },
  ];
  const grouped = gates.filter((one) => Object.keys(one.groups).length + one.too_few.length > 0);
  return (
    <>
      <Table label={said.evidence} rows={gates} columns={columns} rowKey={(row) => row.gate} empty={<Empty small>{said.noGatesLong}</Empty>} />
      {grouped.map((one) => (
        <Groups key={one.gate} of={one} />
      ))}
    </>
  );
}

function Value({ of }: { of: Gate }) {
  const say = useFormats();
  return (
    <span className={styles.value}>
      <Figure value={of.value} as={as(of)} />
      {of.low !== null && of.high !== null && (
        <span className={styles.note}>
          [{say.number(of.low)} ; {say.number(of.high)}]
        </span>
      )}
    </span>
  );
}

function Range({ of }: { of: Gate }) {
  if (of.value === null) return null;
  return (
    <span className={styles.range}>
      <IntervalBar label={of.metric} value={of.value} low={of.low} high={of.high} bound={of.bound} {...(of.breaks && { breaks: of.breaks })} holds={HOLDS[of.verdict] ?? null} as={as(of)} />
    </span>
  );
}

/** The paired difference, signed so that higher is better; whether it is better is the server's word. */
export function ChampionDifference({ of }: { of: Gate }) {
  const said = useWords(reviewWords);
  const say = useFormats();
  if (of.difference === null) return <Figure value={null} />;
  return (
    <span className={styles.value}>
      <Difference value={of.difference} better={of.better} low={of.difference_low} high={of.difference_high} decimals={DECIMALS} />
      {of.champion_value !== null && (
        <span className={styles.note}>
          {said.champion} {say.number(of.champion_value)}
        </span>
      )}
    </span>
  );
}

function Groups({ of }: { of: Gate }) {
  const said = useWords(reviewWords);
  const few = new Set(of.too_few);
  const enough = Object.entries(of.groups).filter(([name]) => !few.has(name));
  const rows = [...enough.map(([name, value]) => ({ name, value })), ...of.too_few.map((name) => ({ name, value: null }))];
  return (
    <div className={styles.groups}>
      <h3 className={styles.groupsHead}>{said.groups(of.metric)}</h3>
      <Table
        label={said.groups(of.metric)}
        rows={rows}
        rowKey={(row) => row.name}
        columns={[
          { id: "group", head: said.group, cell: (row) => <span className={styles.group}><Name>{row.name}</Name></span> },
          { id: "value", head: said.figure, align: "end", cell: (row) => (few.has(row.name) ? said.tooFew : <Figure value={row.value} />) },
        ]}
      />
    </div>
  );
}
