/* One audit record, whole. */
import { useQuery } from "@tanstack/react-query";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Name, Short } from "@/design/Code";
import { Go } from "@/design/Go";
import { KeyValues } from "@/design/KeyValues";
import { Loading, Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { Time } from "@/design/Time";
import styles from "./AuditPage.module.css";
import { Result } from "./AuditPage";
import { type AuditRecord, recordOf } from "./query";
import { auditWords } from "./words";

export function RecordPanel({ ws, seq, everywhere }: { ws: string; seq: number; everywhere: boolean | undefined }) {
  const said = useWords(auditWords);
  const [, change] = useUrl();
  const { data, error, refetch } = useQuery({ queryKey: ["audit", ws, seq, everywhere], queryFn: ({ signal }) => recordOf(ws, seq, everywhere, signal) });
  const close = (
    <Button look="bare" onClick={() => change({ record: "" })}>
      {said.close}
    </Button>
  );
  return (
    <aside className={styles.panel} aria-label={said.record(seq)}>
      <Section title={said.record(seq)} tools={close}>
        {error !== null && <Problem small error={error} onRetry={() => void refetch()} />}
        {error === null && data === undefined && <Loading />}
        {data === null && <p>{said.noRecord}</p>}
        {data && <Facts ws={ws} record={data} />}
      </Section>
    </aside>
  );
}

function Facts({ ws, record }: { ws: string; record: AuditRecord }) {
  const said = useWords(auditWords);
  const events = record.events.length > 0 && (
    <ul className={styles.ids}>
      {record.events.map((id) => (
        <li key={id}>
          <Go to={to.events(record.workspace || ws, { event: id })}>
            <code>{id}</code>
          </Go>
        </li>
      ))}
    </ul>
  );
  return (
    <KeyValues
      facts={[
        { name: said.time, value: <Time ms={record.wall_ms} as="exact" /> },
        { name: said.business, value: <Time ms={record.now_ms} business={ws} as="exact" /> },
        { name: said.workspace, value: <Name>{record.workspace}</Name> },
        { name: said.actor, value: <Name>{record.actor}</Name> },
        { name: said.action, value: <code>{record.action}</code> },
        { name: said.target, value: <Name>{record.target}</Name> },
        { name: said.result, value: <Result row={record} /> },
        { name: said.rule, value: <bdi>{record.rule}</bdi> },
        record.reason !== "" && { name: said.reason, value: <bdi>{record.reason}</bdi> },
        { name: said.rows, value: record.rows },
        record.causation !== "" && { name: said.cause, value: <Go to={to.events(record.workspace || ws, { event: record.causation })}><code>{record.causation}</code></Go> },
        events !== false && { name: said.ledTo, value: events },
        { name: said.hash, value: <Short of={record.hash} length={16} /> },
      ]}
    />
  );
}
