/* Each guard as an interval against its bound, and the windows behind it. The verdict is the server's word. */
import { useWords } from "@/app/i18n";
import type { Column } from "@/design/columns";
import { Empty } from "@/design/Empty";
import { type As, shown } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { IntervalBar } from "@/design/Interval";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import styles from "./Guards.module.css";
import type { Guard, Rollout, Windows } from "./query";
import { rolloutWords } from "./words";

const TONES: Record<Guard["state"], Tone> = { kept: "good", broken: "bad", undecided: "quiet", not_enough: "quiet", not_asked: "off" };
const HOLDS: Record<Guard["state"], boolean | null> = { kept: true, broken: false, undecided: null, not_enough: null, not_asked: null };
const AS: Record<string, As> = { fraction: "percent", time: "duration" };

export function Guards({ of }: { of: Rollout }) {
  const said = useWords(rolloutWords);
  const columns: Column<Guard>[] = [
    { id: "guard", head: said.guard, cell: (one) => <code className={styles.text}>{one.guard}</code> },
    { id: "verdict", head: said.verdict, cell: (one) => <GuardVerdict of={one} windows={of.windows} /> },
    { id: "figure", head: said.figure, align: "end", cell: (one) => <GuardFigure of={one} /> },
    { id: "scale", head: said.scale, cell: (one) => <Scale of={one} /> },
    { id: "windows", head: said.windows, cell: (one) => (of.windows && one.unsaid === "" && one.days === null && one.state !== "not_asked" ? <WindowMarks of={one} windows={of.windows} /> : null) },
  ];
  return <Table label={said.guards} rows={of.guards} columns={columns} rowKey={(one) => one.guard} empty={<Empty small>{said.noGuards}</Empty>} />;
}

function GuardVerdict({ of, windows }: { of: Guard; windows: Windows | null }) {
  const said = useWords(rolloutWords);
  return (
    <span className={styles.verdict}>
      <State tone={TONES[of.state]}>{said.guardState[of.state]}</State>
      {of.state === "not_asked" && <span className={styles.why}>{said.notAsked}</span>}
      {of.state === "not_enough" && <span className={styles.why}>{of.unsaid === "" && windows ? said.missing(of.missing) : said.unsaid(of.unsaid)}</span>}
    </span>
  );
}

function GuardFigure({ of }: { of: Guard }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const as = AS[of.kind] ?? "number";
  const end = (value: number | null) => (value === null ? "?" : shown(say, value, as));
  return (
    <span className={styles.figure}>
      <span>{shown(say, of.value, as)}</span>
      {of.value !== null && (of.low !== null || of.high !== null) && (
        <span className={styles.why}>
          [{end(of.low)} ; {end(of.high)}]
        </span>
      )}
      {of.relative && <span className={styles.why}>{said.difference}</span>}
      {of.days !== null && <span className={styles.why}>{said.days(of.days)}</span>}
    </span>
  );
}

function Scale({ of }: { of: Guard }) {
  const all = [of.bound, of.value, of.low, of.high].filter((one): one is number => one !== null);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const scale: [number, number] = of.relative || least < 0 ? [least - (most - least || 1) * 0.1, most + (most - least || 1) * 0.1] : [0, most * 1.12 || 1];
  return (
    <span className={styles.scale}>
      <IntervalBar
        label={of.guard} value={of.value} low={of.low} high={of.high ?? (of.low === null ? null : scale[1])} bound={of.bound} breaks={of.operator.startsWith(">") ? "above" : "below"}
        holds={HOLDS[of.state]} as={AS[of.kind] ?? "number"} scale={scale}
      />
    </span>
  );
}

/** One mark a window, the newest last: a triangle breaks the guard, a ball keeps it, a ring is not there yet. */
function WindowMarks({ of, windows }: { of: Guard; windows: Windows }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const as = AS[of.kind] ?? "number";
  const breaking = of.breaks.filter(Boolean).length;
  const ahead = Array.from({ length: Math.max(0, windows.of - of.breaks.length) }, (_, index) => index);
  return (
    <span className={styles.windows}>
      <svg width={windows.of * 16} height="14" role="img" aria-label={said.overWindows(breaking, of.breaks.length, windows.of)}>
        {ahead.map((index) => (
          <circle key={`ahead${index}`} className={styles.ahead} cx={8 + index * 16} cy="7" r="4" />
        ))}
        {of.breaks.map((breaks, index) => {
          const x = 8 + (ahead.length + index) * 16;
          const name = shown(say, of.windows[index], as);
          return breaks ? (
            <path key={`window${index}`} className={styles.breaks} d={`M${x} 1.5 ${x + 5} 11.5H${x - 5}Z`}>
              <title>{name}</title>
            </path>
          ) : (
            <circle key={`window${index}`} className={styles.keeps} cx={x} cy="7" r="4.5">
              <title>{name}</title>
            </circle>
          );
        })}
      </svg>
      <span className={styles.why}>{said.overWindows(breaking, of.breaks.length, windows.of)}</span>
    </span>
  );
}
