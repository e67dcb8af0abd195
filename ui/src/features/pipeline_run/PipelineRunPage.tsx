/* A pipeline's run: why did this step run? */
import { Suspense } from "react";
import { usePage } from "@/api/page";
import { address } from "@/api/client";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { useNavigate } from "@tanstack/react-router";
import { ActButton } from "@/design/ActButton";
import { Code, Short } from "@/design/Code";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { KeyValues } from "@/design/KeyValues";
import { Loading, Page, Section } from "@/design/Page";
import { Mark } from "@/design/State";
import { Tabs } from "@/design/Tabs";
import { OnBoth, Time } from "@/design/Time";
import styles from "./PipelineRunPage.module.css";
import { runQuery, type RunPage, type TaskState } from "./query";
import { StateOf, TONES } from "./states";
import { StepGraph } from "./StepGraph";
import { TaskList } from "./TaskList";
import { TaskPanel } from "./TaskPanel";
import { Timeline } from "./Timeline";
import { pipelineWords, reasonOf } from "./words";

const ORDER: readonly TaskState[] = ["failed", "retrying", "running", "finished", "cached", "waiting", "unreached"];

export function PipelineRunPage({ ws, id }: { ws: string; id: string }) {
  const said = useWords(pipelineWords);
  const { data: page, waiting } = usePage(runQuery(ws, id));
  const [search, change] = useUrl();
  const navigate = useNavigate();
  const { run } = page;
  const task = page.nodes.some((node) => node.name === search.task) ? (search.task ?? "") : "";
  const window = page.windows.includes(search.window ?? "") ? (search.window ?? "") : page.window;
  const toRun = (other: string) => void navigate({ to: to.steps(ws, other) });
  const open = (name: string, at = window) => change({ task: name, window: at === page.window ? undefined : at, attempt: undefined });
  return (
    <Page
      title={run.pipeline}
      question={said.question}
      above={
        <>
          <Go to={to.pipelines(ws)}>{said.pipelines}</Go>
          <span>
            {said.run} <Short of={run.run_id} length={32} />
          </span>
        </>
      }
      state={<StateOf state={run.state} />}
      command={`regie run show ${run.run_id}`}
      exports={{ JSON: address("/api/v1/pages/pipeline-run/{run_id}", ws, { run_id: id }) }}
      waiting={waiting}
      acts={
        <>
          {page.cancel.allowed && <ActButton act={page.cancel} workspace={ws} label={said.cancel} of={run.pipeline} meaning={said.cancelMeaning} look="danger" />}
          <ActButton<{ run_id: string }> act={page.again} workspace={ws} label={said.again} of={run.pipeline} meaning={said.againMeaning} onDone={(answer) => toRun(answer.run_id)} />
        </>
      }
    >
      {run.error !== "" && (
        <Section title={said.error}>
          <Code label={said.error} wrap maxHeight="12rem">
            {run.error}
          </Code>
        </Section>
      )}
      <div className={styles.facts}>
        <Facts ws={ws} page={page} />
      </div>
      <section className={styles.tasks} aria-label={said.tasks}>
        <div className={styles.bar}>
          <Counts page={page} />
          <Windows page={page} chosen={window} onChoose={(one) => change({ window: one === page.window ? undefined : one, attempt: undefined })} />
        </div>
        {page.graph === "inferred" && <p className={styles.note}>{said.inferred}</p>}
        {page.graph === "none" ? (
          <Empty>{said.notPlanned}</Empty>
        ) : (
          <div className={task === "" ? styles.alone : styles.beside}>
            <Tabs
              label={said.views}
              name="view"
              tabs={[
                { id: "graph", label: said.graph, panel: () => <StepGraph ws={ws} run={id} nodes={page.nodes} window={window} chosen={task} onOpen={(name) => open(name)} /> },
                { id: "timeline", label: said.timeline, panel: () => <Timeline ws={ws} page={page} window={window} chosen={task} onOpen={open} /> },
                { id: "list", label: said.list, note: String(page.nodes.length), panel: () => <TaskList ws={ws} run={id} nodes={page.nodes} window={window} chosen={task} /> },
              ]}
            />
            {task !== "" && (
              <Suspense fallback={<Loading />}>
                <TaskPanel
                  key={task}
                  ws={ws}
                  run={id}
                  name={task}
                  window={window}
                  attempt={Number(search.attempt) || 0}
                  onClose={() => change({ task: undefined, attempt: undefined, part: undefined, same: undefined })}
                  onAgain={toRun}
                />
              </Suspense>
            )}
          </div>
        )}
        {page.attempts_left_out && <p className={styles.note}>{said.leftOut}</p>}
      </section>
    </Page>
  );
}

function Facts({ ws, page }: { ws: string; page: RunPage }) {
  const said = useWords(pipelineWords);
  const say = useFormats();
  const { run } = page;
  const took = run.ended_wall_ms === null ? null : run.ended_wall_ms - run.queued_wall_ms;
  return (
    <KeyValues
      facts={[
        { name: said.created, value: <OnBoth wall={run.queued_wall_ms} business={run.created_ms} workspace={ws} />, note: run.by },
        { name: said.reason, value: <bdi className={styles.reason}>{reasonOf(said, run.reason)}</bdi> },
        {
          name: said.took,
          value: say.duration(took),
          note: [
            run.first_wall_ms === null ? "" : said.queuedTook(say.duration(run.first_wall_ms - run.queued_wall_ms)),
            page.saved_ms > 0 ? said.cacheSaved(say.duration(page.saved_ms)) : "",
          ]
            .filter((one) => one !== "")
            .join(" · "),
        },
        run.snapshots.length > 0 && {
          name: said.snapshots,
          value: run.snapshots.map((one) => (
            <div key={one.dataset}>
              <Go to={to.dataset(ws, one.dataset, { snapshot: one.digest })}>
                <bdi>{one.dataset}</bdi>
              </Go>{" "}
              <Short of={one.digest} />
            </div>
          )),
          note: run.as_of_ms ?? run.started_ms ? <>{said.from} <Time ms={run.as_of_ms ?? run.started_ms} business={ws} as="minute" /></> : undefined,
        },
        {
          name: said.params,
          value: run.params.length === 0 ? <span className={styles.note}>{said.noParams}</span> : run.params.map((one) => <code key={one.name} className={styles.param}>{`${one.name} = ${one.value}`}</code>),
        },
        { name: said.code, value: <Short of={run.code_digest} />, note: <code>{run.function}</code> },
        run.lock_digest !== "" && { name: said.lock, value: <Short of={run.lock_digest} /> },
        run.commit !== "" && { name: said.commit, value: <Short of={run.commit} length={10} /> },
        run.again_of !== "" && { name: said.repeats, value: <Go to={to.steps(ws, run.again_of)}>{run.again_of.slice(-8)}</Go> },
        page.versions.length > 0 && {
          name: said.versions,
          value: page.versions.map((one) => (
            <div key={`${one.model}@${one.version}`}>
              <Go to={to.model(ws, one.model, { version: String(one.version) })}>{`${one.model}@${one.version}`}</Go> <span className={styles.note}>{[said.roles[one.role] ?? one.role, one.window].filter((it) => it !== "").join(", ")}</span>
            </div>
          )),
        },
        { name: said.asRun, value: <Go to={to.run(ws, run.run_id)}>{run.run_id.slice(-8)}</Go> },
      ]}
    />
  );
}

function Counts({ page }: { page: RunPage }) {
  const said = useWords(pipelineWords);
  const counts = page.counts as Partial<Record<TaskState, number>>;
  return (
    <p className={styles.counts} aria-label={said.tasks}>
      {ORDER.filter((state) => counts[state]).map((state) => (
        <span key={state} className={styles.count}>
          <Mark tone={TONES[state]} /> {said.states[state]} <strong>{counts[state]}</strong>
        </span>
      ))}
    </p>
  );
}

function Windows({ page, chosen, onChoose }: { page: RunPage; chosen: string; onChoose: (window: string) => void }) {
  const said = useWords(pipelineWords);
  if (page.windows.length < 2) return null;
  const worst = (window: string) => ORDER.find((state) => page.nodes.some((node) => node.spots.some((spot) => spot.window === window && spot.state === state))) ?? "waiting";
  return (
    <div className={styles.windows} role="group" aria-label={said.window}>
      <span className={styles.note}>{said.window}</span>
      {page.windows.map((one) => (
        <button key={one} type="button" aria-pressed={one === chosen} onClick={() => onChoose(one)}>
          <Mark tone={TONES[worst(one)]} /> {one === "all" || one === "" ? said.allRows : one}
        </button>
      ))}
    </div>
  );
}
