/* The events of a rollout, in order: what happened, when, by whom and why. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Go } from "@/design/Go";
import { Time } from "@/design/Time";
import type { Rollout, Told } from "./query";
import styles from "./Story.module.css";
import { rolloutWords } from "./words";

export function Story({ of }: { of: Rollout }) {
  const said = useWords(rolloutWords);
  return (
    <ol className={styles.story} aria-label={said.story}>
      {of.events.map((event) => (
        <li key={event.id}>
          <span className={styles.time}>
            <Time ms={event.time_ms} business={of.workspace} as="minute" />
          </span>
          <span className={styles.what}>
            <Go to={to.events(of.workspace, { event: event.id })} title={event.type}>
              {said.told[event.type] ?? event.type}
            </Go>
            {event.type === "rollout.stage_entered" && event.stage !== "" && <strong> {event.stage}</strong>}
            <Why of={event} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function Why({ of }: { of: Told }) {
  const said = useWords(rolloutWords);
  return (
    <>
      {of.because !== "" && of.type !== "rollout.stage_entered" && <span className={styles.quiet}>, {said.short(of.because)}</span>}
      {of.by !== "" && (
        <span className={styles.quiet}>
          {" "}
          <bdi>{said.by(of.by)}</bdi>
        </span>
      )}
      {of.reason !== "" && (
        <q className={styles.reason}>
          <bdi>{of.reason}</bdi>
        </q>
      )}
    </>
  );
}
