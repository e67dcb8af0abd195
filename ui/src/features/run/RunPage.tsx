/* One run: what it did, what it measured, what came of it. */
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useFormats } from "@/design/formats";
import { Name } from "@/design/Code";
import { Go } from "@/design/Go";
import { Page } from "@/design/Page";
import { RunState } from "@/design/RunState";
import { type Tab, Tabs } from "@/design/Tabs";
import { Artifacts } from "./Artifacts";
import { Environment } from "./Environment";
import { Facts } from "./Facts";
import { MetricsView } from "./MetricsView";
import { Nested } from "./Nested";
import { Pairs } from "./Pairs";
import { type RunAnswer, runQuery } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

export function RunPage({ ws, id }: { ws: string; id: string }) {
  const said = useWords(runWords);
  const say = useFormats();
  const asked = runQuery(ws, id);
  const { data, waiting } = usePage(asked);
  const { run } = data;
  const steps = stepsOf(ws, data);
  const tabs: Tab[] = [
    { id: "metrics", label: said.metrics, note: say.whole(data.metrics.count), panel: () => <MetricsView ws={ws} of={data} /> },
    { id: "params", label: said.params, note: say.whole(data.params_count + data.tags.length), panel: () => <Pairs of={data} /> },
    { id: "artifacts", label: said.artifacts, panel: () => <Artifacts ws={ws} of={data} /> },
    { id: "environment", label: said.environment, panel: () => <Environment source={data.source} /> },
    ...(data.children.length > 0 ? [{ id: "nested", label: said.nested, note: say.whole(data.children.length), panel: () => <Nested ws={ws} of={data} /> }] : []),
  ];
  return (
    <Page
      title={run.name || said.unnamed}
      question={said.question}
      above={
        <>
          <Go to={to.runs(ws)}>{said.runs}</Go>
          <Go to={to.runs(ws, { experiment: run.experiment.id })}>
            <Name>{run.experiment.name}</Name>
          </Go>
          {data.parent && (
            <span>
              {said.parent}{" "}
              <Go to={to.run(ws, data.parent.id)}>
                <Name>{data.parent.name || said.unnamed}</Name>
              </Go>
            </span>
          )}
        </>
      }
      state={<RunState state={run.state} />}
      acts={steps !== null && <Go to={steps}>{said.steps}</Go>}
      command={data.command}
      exports={{ JSON: asked.url }}
      waiting={waiting}
    >
      {data.lifecycle !== "active" && <p className={styles.warning}>{said.deleted}</p>}
      <Facts ws={ws} of={data} />
      <Tabs label={said.views} tabs={tabs} />
    </Page>
  );
}

/** Where the steps of its pipeline's run are seen; a task's run is named `fit (last 8w)`, after its step and window. */
function stepsOf(ws: string, { run, steps, parent }: RunAnswer): string | null {
  if (steps) return to.steps(ws, run.id);
  if (run.kind !== "task" || parent === null) return null;
  const [, task, window] = /^(.+?)(?: \((.*)\))?$/.exec(run.name) ?? [];
  return to.steps(ws, parent.id, { ...(task ? { task } : {}), ...(window ? { window } : {}) });
}
