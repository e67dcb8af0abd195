/* The datasets of a workspace: what is promised, and is it kept? */
import { address } from "@/api/client";
import { usePage } from "@/api/page";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { Name, Short } from "@/design/Code";
import { Empty } from "@/design/Empty";
import { Figure } from "@/design/Figure";
import { Go } from "@/design/Go";
import { Page } from "@/design/Page";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import { Kept } from "./Kept";
import { dataQuery, type DatasetBrief } from "./query";
import styles from "./DatasetPage.module.css";
import { dataWords } from "./words";

export function DataPage({ ws }: { ws: string }) {
  const said = useWords(dataWords);
  const { data: page, waiting } = usePage(dataQuery(ws));
  const empty = page.applied ? <Empty command="regie check">{said.noDatasets}</Empty> : <Empty command="regie apply">{said.notApplied}</Empty>;
  return (
    <Page title={said.data} question={said.question} command="regie dataset list" exports={{ JSON: address("/api/v1/pages/data", ws) }} waiting={waiting}>
      <Table
        label={said.data}
        rows={page.datasets}
        rowKey={(one) => one.head.name}
        empty={empty}
        columns={[
          {
            id: "dataset",
            head: said.dataset,
            cell: (one) => (
              <Go to={to.dataset(ws, one.head.name)}>
                <Name>{one.head.name}</Name>
              </Go>
            ),
          },
          { id: "contract", head: said.contract, cell: (one) => <Contract of={one} /> },
          { id: "columns", head: said.columns, align: "end", cell: (one) => <Figure value={one.head.columns} as="whole" /> },
          { id: "checks", head: said.checks, align: "end", cell: (one) => <Figure value={one.head.checks} as="whole" /> },
          { id: "snapshots", head: said.snapshots, align: "end", cell: (one) => <Figure value={one.snapshots} as="whole" /> },
          { id: "rows", head: said.rows, align: "end", cell: (one) => <Figure value={one.newest?.rows} as="whole" /> },
          { id: "asof", head: said.asOf, cell: (one) => <Time ms={one.newest?.as_of_ms} business={ws} /> },
          { id: "newest", head: said.newest, cell: (one) => (one.newest ? <Short of={one.newest.digest} /> : said.none) },
          { id: "source", head: said.source, cell: (one) => <code className={styles.text}>{one.head.source}</code> },
        ]}
      />
    </Page>
  );
}

function Contract({ of }: { of: DatasetBrief }) {
  return (
    <span>
      <Kept kept={of.newest?.kept ?? null} broken={of.newest?.broken ?? 0} />
      {of.broken.map((rule) => (
        <bdi key={rule} className={styles.broken}>
          {rule}
        </bdi>
      ))}
    </span>
  );
}
