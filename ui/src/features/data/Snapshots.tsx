/* The snapshots of a dataset, newest first, a page at a time. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Figure } from "@/design/Figure";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import { Kept } from "./Kept";
import type { DatasetPage, SnapshotLine } from "./query";
import styles from "./DatasetPage.module.css";
import { dataWords } from "./words";

export function Snapshots({ ws, page }: { ws: string; page: DatasetPage }) {
  const said = useWords(dataWords);
  const [search, change] = useUrl();
  const open = page.snapshot?.line.digest ?? "";
  const beside = page.snapshot?.before?.digest ?? "";
  return (
    <Section title={said.snapshots} note={String(page.snapshots_count)}>
      <Table
        label={said.snapshots}
        rows={page.snapshots}
        rowKey={(one) => one.id}
        marked={(one) => one.digest === open}
        columns={[
          { id: "snapshot", head: said.snapshot, cell: (one) => <Go to={to.dataset(ws, page.dataset.name, { snapshot: one.digest })}>{one.digest.slice(7, 15)}</Go> },
          { id: "contract", head: said.contract, cell: (one) => <Kept kept={one.kept} broken={one.broken} /> },
          { id: "rows", head: said.rows, align: "end", cell: (one) => <Figure value={one.rows} as="whole" /> },
          { id: "asof", head: said.asOf, cell: (one) => <Time ms={one.as_of_ms} business={ws} as="minute" /> },
          { id: "spans", head: said.spans, cell: (one) => <Spans ws={ws} of={one} /> },
          {
            id: "compare",
            head: said.comparison,
            cell: (one) =>
              one.digest === open || one.digest === beside ? (
                <span className={styles.note}>{one.digest === open ? "" : said.against}</span>
              ) : (
                <Button look="bare" onClick={() => change({ against: one.digest })}>
                  {said.compareWith}
                </Button>
              ),
          },
        ]}
      />
      <div className={styles.pages}>
        {search.after !== undefined && search.after !== "" && (
          <Button look="bare" onClick={() => change({ after: undefined })}>
            {said.first}
          </Button>
        )}
        {page.next !== null && <Button onClick={() => change({ after: page.next ?? undefined })}>{said.older}</Button>}
      </div>
    </Section>
  );
}

function Spans({ ws, of }: { ws: string; of: SnapshotLine }) {
  if (of.from_ms === null) return <>–</>;
  return (
    <span>
      <Time ms={of.from_ms} business={ws} as="day" /> … <Time ms={of.to_ms} business={ws} as="day" />
    </span>
  );
}
