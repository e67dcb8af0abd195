/* What each gate saw: its figure with the interval against the bound, on the rows that nobody had seen. */
import { useWords } from "@/app/i18n";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { IntervalBar } from "@/design/Interval";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import styles from "./Evidence.module.css";
import type { Gates } from "./query";
import { asOf } from "./units";
import { modelWords } from "./words";

const TONES: Record<string, Tone> = { passed: "good", failed: "bad", not_enough_evidence: "quiet", not_applicable: "off" };
const HOLDS: Record<string, boolean | null> = { passed: true, failed: false };

export function GateEvidence({ of }: { of: Gates; ws: string }) {
  const said = useWords(modelWords);
  const say = useFormats();
  return (
    <div className={styles.gates}>
      <Table
        label={said.evidence}
        rows={of.evidence}
        rowKey={(one) => one.gate}
        columns={[
          { id: "gate", head: said.gate, cell: (one) => <code className={styles.gate}>{one.gate}</code> },
          { id: "value", head: said.figure, align: "end", cell: (one) => <Figure value={one.value} as={asOf(one.kind)} /> },
          {
            id: "interval",
            head: said.interval,
            cell: (one) => (
              <span className={styles.bar}>
                <IntervalBar label={one.gate} value={one.value} low={one.low} high={one.high} bound={one.bound} breaks={one.below ? "above" : "below"} holds={HOLDS[one.verdict] ?? null} as={asOf(one.kind)} />
              </span>
            ),
          },
          { id: "bound", head: said.boundHead, align: "end", cell: (one) => <Figure value={one.bound} as={asOf(one.kind)} /> },
          { id: "verdict", head: said.verdict, cell: (one) => <State tone={TONES[one.verdict] ?? "quiet"}>{said.verdicts[one.verdict] ?? one.verdict}</State> },
        ]}
      />
      {of.from_ms !== null && of.to_ms !== null && (
        <p className={styles.quiet}>
          {said.heldOut(say.day(of.from_ms, { utc: true }), say.day(of.to_ms, { utc: true }))}
          {of.rows !== null && ` · ${said.rows(of.rows)}`}
        </p>
      )}
    </div>
  );
}
