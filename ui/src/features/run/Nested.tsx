/* Runs inside this one. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Name } from "@/design/Code";
import { Figure } from "@/design/Figure";
import { Go } from "@/design/Go";
import { RunState } from "@/design/RunState";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import type { RunAnswer } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

export function Nested({ ws, of }: { ws: string; of: RunAnswer }) {
  const said = useWords(runWords);
  const all = to.runs(ws, { filter: `tags.\`mlflow.parentRunId\` = '${of.run.id}'`, tasks: "1" });
  return (
    <div className={styles.stack}>
      <Table
        label={said.nested}
        rows={of.children}
        rowKey={(row) => row.id}
        columns={[
          {
            id: "name",
            head: said.id,
            cell: (row) => (
              <Go to={to.run(ws, row.id)}>
                <Name>{row.name || said.unnamed}</Name>
              </Go>
            ),
          },
          { id: "state", head: "", cell: (row) => <RunState state={row.state} /> },
          { id: "started", head: said.started, cell: (row) => <Time ms={row.started_ms} /> },
          { id: "took", head: said.took, align: "end", cell: (row) => (row.ended_ms === null ? said.going : <Figure value={row.ended_ms - row.started_ms} as="duration" />) },
        ]}
      />
      <p className={styles.small}>
        {of.children_more && `${said.nestedMore} `}
        <Go to={all}>{said.nestedAll}</Go>
      </p>
    </div>
  );
}
