/* Nothing has a promise yet: how one begins. */
import { useWords } from "@/app/i18n";
import { Command } from "@/design/CopyCommand";
import styles from "./FirstSteps.module.css";
import { roomWords } from "./words";

const COMMANDS = ["regie init my-project && cd my-project", "regie up", "regie apply", "regie pipeline run train"] as const;

export function FirstSteps({ alone }: { alone: boolean }) {
  const said = useWords(roomWords);
  return (
    <div className={styles.steps}>
      <p className={styles.lead}>{alone ? said.empty : said.noneApplied}</p>
      <ol>
        {COMMANDS.map((command, at) => (
          <li key={command}>
            <span>{said.steps[at]}</span>
            <Command>{command}</Command>
          </li>
        ))}
      </ol>
      <p className={styles.note}>{said.tracking}</p>
    </div>
  );
}
