/* The task that is looked at: how it failed, why it ran, what it printed, what it took and returned. */
import { usePage } from "@/api/page";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { ActButton } from "@/design/ActButton";
import { Button } from "@/design/Button";
import { Code, Name } from "@/design/Code";
import { Command, CopyCommand } from "@/design/CopyCommand";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Tabs } from "@/design/Tabs";
import { InAndOut } from "./InAndOut";
import { taskQuery, type Chosen, type TaskPage } from "./query";
import { StateOf } from "./states";
import { TaskLog } from "./TaskLog";
import styles from "./TaskPanel.module.css";
import { WhyItRan } from "./WhyItRan";
import { pipelineWords } from "./words";

interface TaskPanelProps {
  ws: string;
  run: string;
  name: string;
  window: string;
  attempt: number;
  onClose: () => void;
  onAgain: (run: string) => void;
}

export function TaskPanel({ ws, run, name, window, attempt, onClose, onAgain }: TaskPanelProps) {
  const said = useWords(pipelineWords);
  const { data: task, waiting } = usePage(taskQuery(ws, run, name, window, attempt));
  const { chosen } = task;
  return (
    <aside className={styles.panel} aria-label={`${said.task} ${name}`} aria-busy={waiting || undefined}>
      <div className={styles.title}>
        <h2>
          <Name>{name}</Name>
        </h2>
        <StateOf state={chosen?.state ?? task.state} />
        <Button look="bare" className={styles.close} onClick={onClose}>
          {said.close}
        </Button>
      </div>
      <p className={styles.beside}>
        <code>{task.step}</code>
        {window !== "" && window !== "all" && ` · ${window}`}
        {chosen && <Took chosen={chosen} />}
      </p>
      <div className={styles.acts}>
        <ActButton<{ run_id: string }>
          act={task.again}
          workspace={ws}
          label={said.againFrom}
          of={name}
          meaning={said.againFromMeaning(name)}
          body={{ from_tasks: [name] }}
          onDone={(answer) => onAgain(answer.run_id)}
        />
        <CopyCommand command={task.command} />
      </div>
      {task.attempts.length > 1 && <Attempts task={task} />}
      {chosen ? <Seen ws={ws} task={task} chosen={chosen} /> : <NotBegun ws={ws} task={task} />}
    </aside>
  );
}

function Took({ chosen }: { chosen: Chosen }) {
  const say = useFormats();
  if (chosen.ended_wall_ms === null || chosen.state === "cached") return null;
  return <> · {say.duration(chosen.ended_wall_ms - chosen.started_wall_ms)}</>;
}

function Attempts({ task }: { task: TaskPage }) {
  const said = useWords(pipelineWords);
  const [, change] = useUrl();
  const newest = task.attempts[task.attempts.length - 1];
  return (
    <div className={styles.attempts} role="group" aria-label={said.attempts(task.attempts.length)}>
      <span className={styles.beside}>{said.attempt}</span>
      {task.attempts.map((one) => (
        <button key={one} type="button" aria-pressed={one === task.chosen?.attempt} onClick={() => change({ attempt: one === newest ? undefined : String(one) })}>
          {one}
        </button>
      ))}
    </div>
  );
}

function NotBegun({ ws, task }: { ws: string; task: TaskPage }) {
  const said = useWords(pipelineWords);
  return (
    <>
      <p>{task.state === "unreached" ? said.neverBegan : said.notBegun}</p>
      <InAndOut ws={ws} task={task} />
    </>
  );
}

function Seen({ ws, task, chosen }: { ws: string; task: TaskPage; chosen: Chosen }) {
  const said = useWords(pipelineWords);
  const log = () =>
    chosen.state === "cached" ? (
      <p className={styles.beside}>
        {said.cachedLog}{" "}
        {chosen.computed_run !== "" && <Go to={to.steps(ws, chosen.computed_run, { task: task.name, window: task.window })}>{chosen.computed_run.slice(-8)}</Go>}
      </p>
    ) : (
      <TaskLog ws={ws} task={chosen.task_id} name={task.name} live={chosen.state === "running"} />
    );
  const why = { id: "why", label: said.why, panel: () => <WhyItRan ws={ws} run={task.run_id} chosen={chosen} /> };
  const failed = chosen.error ? { id: "error", label: said.failedWith, panel: () => <Failed chosen={chosen} /> } : null;
  const rest = [
    { id: "log", label: said.log, panel: log },
    { id: "io", label: said.inOut, panel: () => <InAndOut ws={ws} task={task} /> },
  ];
  return (
    <>
      <Tabs key={failed ? "failed" : "kept"} name="part" label={said.parts} tabs={failed ? [failed, why, ...rest] : [why, ...rest]} />
      <p className={styles.beside}>
        {said.mlflowRun} <Go to={to.run(ws, chosen.mlflow_run_id)}>{chosen.mlflow_run_id.slice(-8)}</Go>
      </p>
    </>
  );
}

function Failed({ chosen }: { chosen: Chosen }) {
  const said = useWords(pipelineWords);
  const { error } = chosen;
  if (!error) return null;
  return (
    <div className={styles.stack}>
      <p className={styles.error} tabIndex={0}>
        <strong>{error.type}</strong>
        {error.message !== "" && (
          <>
            : <bdi>{error.message}</bdi>
          </>
        )}
      </p>
      {chosen.exit !== null && chosen.exit !== 0 && (
        <p className={styles.beside}>
          {said.exit} {chosen.exit}
        </p>
      )}
      {error.traceback !== "" && (
        <Code label={said.traceback} maxHeight="24rem" wrap>
          {error.traceback}
        </Code>
      )}
      <div>
        <p className={styles.beside}>{said.whatToDo}</p>
        <Command>{error.command}</Command>
      </div>
    </div>
  );
}
