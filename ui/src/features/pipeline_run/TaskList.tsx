/* The same as the graph and the timeline, as a list in the order of the graph. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Figure } from "@/design/Figure";
import { Go } from "@/design/Go";
import { Name } from "@/design/Code";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import type { TaskNode } from "./query";
import { StateOf } from "./states";
import { spotOf, tookMs } from "./StepGraph";
import styles from "./TaskList.module.css";
import { pipelineWords } from "./words";

const LINKS = 4;

export function TaskList({ ws, run, nodes, window, chosen }: { ws: string; run: string; nodes: readonly TaskNode[]; window: string; chosen: string }) {
  const said = useWords(pipelineWords);
  const at = (node: TaskNode) => spotOf(node, window);
  return (
    <div className={styles.list} tabIndex={0} role="region" aria-label={said.tasks}>
      <Table
        label={said.tasks}
        rows={nodes}
        rowKey={(node) => node.name}
        marked={(node) => node.name === chosen}
        columns={[
          {
            id: "task",
            head: said.task,
            cell: (node) => (
              <Go to={to.steps(ws, run, { task: node.name, window })}>
                <Name>{node.name}</Name>
              </Go>
            ),
          },
          { id: "state", head: said.state, cell: (node) => <StateOf state={at(node)?.state ?? "waiting"} /> },
          { id: "took", head: said.took, align: "end", cell: (node) => <Figure value={tookMs(at(node))} as="duration" /> },
          { id: "waited", head: said.waited, align: "end", cell: (node) => <Figure value={at(node)?.waited_ms} as="duration" /> },
          { id: "attempts", head: said.attempt, align: "end", cell: (node) => <Figure value={at(node)?.attempts.length || null} as="whole" /> },
          { id: "began", head: said.began, cell: (node) => <Time ms={at(node)?.attempts[0]?.started_wall_ms} as="relative" /> },
          { id: "takes", head: said.takes, cell: (node) => <Takes node={node} /> },
        ]}
      />
    </div>
  );
}

function Takes({ node }: { node: TaskNode }) {
  const names = [...node.datasets, ...node.takes];
  return (
    <span className={styles.takes}>
      <bdi>{names.slice(0, LINKS).join(", ")}</bdi>
      {names.length > LINKS && ` + ${names.length - LINKS}`}
    </span>
  );
}
