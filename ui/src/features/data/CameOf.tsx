/* Which runs were made on a snapshot, and which versions came of them. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import type { SnapshotShown } from "./query";
import styles from "./DatasetPage.module.css";
import { dataWords } from "./words";

const TONES: Record<SnapshotShown["runs"][number]["state"], Tone> = { queued: "quiet", running: "moving", finished: "good", failed: "bad", cancelled: "off" };

export function CameOf({ ws, snapshot }: { ws: string; snapshot: SnapshotShown }) {
  const said = useWords(dataWords);
  return (
    <Section title={said.cameOf}>
      <Table
        label={said.cameOf}
        rows={snapshot.runs}
        rowKey={(one) => one.run_id}
        empty={<p className={styles.note}>{said.noRuns}</p>}
        columns={[
          { id: "run", head: said.run, cell: (one) => <Go to={to.steps(ws, one.run_id)}>{one.run_id.slice(-8)}</Go> },
          { id: "pipeline", head: said.pipeline, cell: (one) => <bdi>{one.pipeline}</bdi> },
          { id: "state", head: said.state, cell: (one) => <State tone={TONES[one.state]}>{said.states[one.state]}</State> },
          { id: "created", head: said.asked, cell: (one) => <Time ms={one.created_ms} business={ws} as="minute" /> },
        ]}
      />
      <p className={styles.versions}>
        <span className={styles.note}>{said.versions}</span>
        {snapshot.versions.length === 0 && <span>{said.noVersions}</span>}
        {snapshot.versions.map((one) => (
          <span key={`${one.model}@${one.version}`}>
            <Go to={to.model(ws, one.model, { version: String(one.version) })}>{`${one.model}@${one.version}`}</Go>{" "}
            <span className={styles.note}>{[said.roles[one.role] ?? one.role, one.window].filter((it) => it !== "").join(", ")}</span>
          </span>
        ))}
      </p>
    </Section>
  );
}
