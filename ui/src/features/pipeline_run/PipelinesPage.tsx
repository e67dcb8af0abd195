/* The pipelines of a workspace: what runs, and how did it go lately? */
import { useNavigate } from "@tanstack/react-router";
import { address } from "@/api/client";
import { usePage } from "@/api/page";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { ActButton } from "@/design/ActButton";
import { Empty } from "@/design/Empty";
import { Figure } from "@/design/Figure";
import { Go } from "@/design/Go";
import { Page, Section } from "@/design/Page";
import { Mark } from "@/design/State";
import { Table } from "@/design/Table";
import { OnBoth } from "@/design/Time";
import { designWords } from "@/design/words";
import styles from "./PipelinesPage.module.css";
import { type PipelineLine, pipelinesQuery, type RunLine, type TaskState } from "./query";
import { StateOf, TONES } from "./states";
import { pipelineWords, reasonOf } from "./words";

export function PipelinesPage({ ws }: { ws: string }) {
  const said = useWords(pipelineWords);
  const { data: page, waiting } = usePage(pipelinesQuery(ws));
  const exports = { JSON: address("/api/v1/pages/pipelines", ws) };
  return (
    <Page title={said.pipelines} question={said.pipelinesQuestion} command="regie pipeline list" exports={exports} waiting={waiting}>
      {!page.applied && <Empty command="regie apply">{said.notApplied}</Empty>}
      {page.applied && page.pipelines.length === 0 && <Empty command="regie init NAME">{said.noPipelines}</Empty>}
      {page.pipelines.map((one) => (
        <Pipeline key={one.name} ws={ws} pipeline={one} />
      ))}
    </Page>
  );
}

function Pipeline({ ws, pipeline }: { ws: string; pipeline: PipelineLine }) {
  const said = useWords(pipelineWords);
  const { colon } = useWords(designWords);
  const navigate = useNavigate();
  const start = (
    <ActButton<{ run_id: string }>
      act={pipeline.run}
      workspace={ws}
      label={said.start}
      of={pipeline.name}
      meaning={said.startMeaning}
      onDone={(answer) => void navigate({ to: to.steps(ws, answer.run_id) })}
    />
  );
  const note = (
    <>
      <code>{pipeline.function}</code>
      {pipeline.windows.length > 1 && ` · ${said.windows}${colon}${pipeline.windows.join(", ")}`}
    </>
  );
  return (
    <Section title={pipeline.name} note={note} tools={start}>
      <Table
        label={`${said.newest}${colon}${pipeline.name}`}
        rows={pipeline.runs}
        rowKey={(run) => run.run_id}
        empty={
          <Empty small command={pipeline.run.command}>
            {said.neverRan}
          </Empty>
        }
        columns={[
          { id: "run", head: said.run, cell: (run) => <Go to={to.steps(ws, run.run_id)}>{run.run_id.slice(-8)}</Go> },
          { id: "state", head: said.state, cell: (run) => <StateOf state={run.state} /> },
          { id: "created", head: said.created, cell: (run) => <OnBoth wall={run.queued_wall_ms || null} business={run.created_ms} workspace={ws} /> },
          { id: "took", head: said.took, align: "end", cell: (run) => <Figure value={tookMs(run)} as="duration" /> },
          { id: "tasks", head: said.tasks, cell: (run) => <Tasks run={run} /> },
          { id: "by", head: said.by, cell: (run) => run.by },
          { id: "reason", head: said.reason, cell: (run) => <bdi className={styles.reason}>{run.error || reasonOf(said, run.reason)}</bdi> },
        ]}
      />
    </Section>
  );
}

function tookMs(run: RunLine): number | null {
  return run.ended_wall_ms === null ? null : run.ended_wall_ms - run.queued_wall_ms;
}

function Tasks({ run }: { run: RunLine }) {
  const said = useWords(pipelineWords);
  const counts = Object.entries(run.tasks) as [TaskState, number][];
  return (
    <span className={styles.tasks}>
      {counts.map(([state, count]) => (
        <span key={state} title={`${count} ${said.states[state]}`}>
          <Mark tone={TONES[state]} /> {count}
          <span className="sr"> {said.states[state]}</span>
        </span>
      ))}
    </span>
  );
}
