/* How many models there are of each need, as the filter of the lines below. */
import { useWords } from "@/app/i18n";
import { Mark, type Tone } from "@/design/State";
import styles from "./Needs.module.css";
import type { ControlRoom, Need } from "./query";
import { roomWords } from "./words";

export const NEEDS: readonly Need[] = ["you", "somebody", "broken", "working", "quiet"];
export const TONES: Record<Need, Tone> = { you: "needs", somebody: "needs", broken: "bad", working: "moving", quiet: "quiet" };

interface NeedsProps {
  of: ControlRoom["summary"];
  chosen: string;
  onChoose: (need: string) => void;
}

export function Needs({ of, chosen, onChoose }: NeedsProps) {
  const said = useWords(roomWords);
  return (
    <div className={styles.needs} role="group" aria-label={said.byNeed}>
      {NEEDS.filter((need) => of[need] > 0 || need === chosen).map((need) => (
        <button key={need} type="button" aria-pressed={chosen === need} onClick={() => onChoose(chosen === need ? "" : need)}>
          <Mark tone={TONES[need]} />
          <span>{said.needs[need]}</span>
          <span className={styles.count}>{of[need]}</span>
        </button>
      ))}
    </div>
  );
}
