/* The stages of a rollout as one track: each as long as it lasted, with what it promised to abort for. */
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import type { Rollout } from "./query";
import styles from "./Stages.module.css";
import { modelWords } from "./words";

export function Stages({ of }: { of: Rollout; ws: string }) {
  const said = useWords(modelWords);
  const say = useFormats();
  return (
    <div className={styles.rollout}>
      <ol className={styles.stages}>
        {of.stages.map((stage, at) => {
          const lasted = stage.entered_ms !== null && stage.left_ms !== null ? stage.left_ms - stage.entered_ms : null;
          return (
            <li key={`${stage.kind}${String(at)}`} className={styles[stage.state]} style={{ flexGrow: grow(lasted ?? stage.for_ms) }}>
              <span className={styles.name}>
                {stage.kind}
                {stage.share !== null && ` ${say.percent(stage.share)}`}
              </span>
              <span className={styles.lasted}>
                {stage.state === "ahead" ? said.ahead : stage.state === "now" ? said.now : lasted === null ? "" : lasted === 0 ? said.atOnce : say.duration(lasted)}
                {stage.state === "aborted" && ` · ${said.aborted}`}
              </span>
            </li>
          );
        })}
      </ol>
      <p className={styles.guards}>
        {said.guards}{" "}
        {of.guards.map((guard) => (
          <code key={guard} className={guard === of.broken ? styles.brokenGuard : undefined}>
            {guard}
          </code>
        ))}
      </p>
    </div>
  );
}

/** Two weeks of watching must not hide a day of canary: lengths are drawn by their root. */
function grow(ms: number): number {
  return Math.max(1, Math.sqrt(ms / 3_600_000));
}
