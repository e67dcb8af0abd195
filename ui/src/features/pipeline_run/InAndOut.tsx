/* What a task took and what it returned: values as they are, tables and packages by their digests. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Name, Short } from "@/design/Code";
import { Figure } from "@/design/Figure";
import { Go } from "@/design/Go";
import { Table } from "@/design/Table";
import type { Held, TaskPage } from "./query";
import styles from "./TaskPanel.module.css";
import { pipelineWords } from "./words";

export function InAndOut({ ws, task }: { ws: string; task: TaskPage }) {
  const said = useWords(pipelineWords);
  const output = task.chosen?.output;
  return (
    <div className={styles.stack}>
      <h3 className={styles.head}>{said.inputs}</h3>
      <Table
        label={said.inputs}
        rows={task.inputs}
        rowKey={(one) => one.name}
        empty={<p className={styles.beside}>{said.noInputs}</p>}
        columns={[
          { id: "name", head: said.name, cell: (one) => <Name>{one.name}</Name> },
          { id: "holds", head: said.holds, cell: (one) => <Holds held={one.held} /> },
          { id: "size", head: said.size, align: "end", cell: (one) => <Size held={one.held} /> },
          { id: "digest", head: said.digest, cell: (one) => <Digest held={one.held} /> },
          {
            id: "from",
            head: said.source,
            cell: (one) =>
              one.task !== "" ? (
                <Go to={to.steps(ws, task.run_id, { task: one.task, window: task.window })}>
                  <Name>{one.task}</Name>
                </Go>
              ) : one.dataset !== "" ? (
                <Go to={to.dataset(ws, one.dataset)}>
                  <Name>{one.dataset}</Name>
                </Go>
              ) : (
                "–"
              ),
          },
        ]}
      />
      <h3 className={styles.head}>{said.output}</h3>
      {output ? (
        <p className={styles.output}>
          <Holds held={output} /> <Size held={output} /> <Digest held={output} />
        </p>
      ) : (
        <p className={styles.beside}>{said.noOutput}</p>
      )}
    </div>
  );
}

function Holds({ held }: { held: Held | null }) {
  const said = useWords(pipelineWords);
  if (!held) return <>–</>;
  if (held.kind === "json") return <code className={styles.value}>{held.value}</code>;
  return (
    <>
      {said.kinds[held.kind] ?? held.kind}
      {held.rows !== null && <span className={styles.beside}> · {said.rows(held.rows)}</span>}
      {held.files !== null && <span className={styles.beside}> · {said.files(held.files)}</span>}
    </>
  );
}

function Size({ held }: { held: Held | null }) {
  const said = useWords(pipelineWords);
  if (!held || held.digest === "") return null;
  return held.size_bytes === null ? <span className={styles.beside}>{said.gone}</span> : <Figure value={held.size_bytes} as="bytes" />;
}

function Digest({ held }: { held: Held | null }) {
  return held && held.digest !== "" ? <Short of={held.digest} length={10} /> : null;
}
