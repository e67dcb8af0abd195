/* Workspaces in which runs are tracked, without a regie.yaml: nothing is promised there, so nobody is needed. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { Time } from "@/design/Time";
import type { ControlRoom } from "./query";
import styles from "./TrackedWorkspaces.module.css";
import { roomWords } from "./words";

export function TrackedWorkspaces({ of }: { of: ControlRoom["bare"] }) {
  const said = useWords(roomWords);
  return (
    <Section title={said.tracked} note={said.trackedNote}>
      <ul className={styles.list}>
        {of.map((one) => (
          <li key={one.workspace}>
            <Go to={to.runs(one.workspace)}>{one.workspace}</Go>
            <span>{said.experiments(one.experiments)}</span>
            <span>
              {said.newestRun} <Time ms={one.newest_wall_ms} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
