/* What waits for a decision: of mine, of others, and what was decided lately; over every workspace that one sees. */
import { usePage } from "@/api/page";
import { useLanguage, useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrlNumber } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { commandInEach } from "@/design/CopyCommand";
import { Empty } from "@/design/Empty";
import { Go } from "@/design/Go";
import { Page, Section } from "@/design/Page";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import { whySentence } from "@/design/why";
import { DecidedTable } from "./DecidedTable";
import { ChampionDifference } from "./GateTable";
import { reviewListQuery, type ReviewList, type Waiting } from "./query";
import styles from "./Review.module.css";
import { reviewWords } from "./words";

const USUAL = 30;
const MOST = 200;

export function ReviewListPage() {
  const said = useWords(reviewWords);
  const [limit, setLimit] = useUrlNumber("limit", USUAL);
  const { data, waiting } = usePage(reviewListQuery(limit));
  const bare = data.mine.length + data.others.length + data.decided.length === 0;
  return (
    <Page title={said.title} question={said.listQuestion} command={commandInEach([...data.mine, ...data.others, ...data.decided].map((one) => one.workspace), "regie approval list")} exports={{ JSON: reviewListQuery(limit).url }} waiting={waiting}>
      {bare ? <Empty command="regie check">{said.never}</Empty> : <Lists of={data} />}
      {data.more && limit < MOST && (
        <div>
          <Button onClick={() => setLimit(Math.min(MOST, limit * 2), { replace: true })}>{said.more}</Button>
        </div>
      )}
    </Page>
  );
}

function Lists({ of }: { of: ReviewList }) {
  const said = useWords(reviewWords);
  return (
    <>
      <Section title={said.mine} note={of.mine.length > 0 ? of.mine.length : undefined}>
        {of.mine.length > 0 ? <WaitingTable label={said.mine} rows={of.mine} mine /> : <p className={styles.quiet}>{of.others.length > 0 ? said.nothingMine : said.nothing}</p>}
      </Section>
      {of.others.length > 0 && (
        <Section title={said.others} note={of.others.length}>
          <WaitingTable label={said.others} rows={of.others} />
        </Section>
      )}
      {of.decided.length > 0 && (
        <Section title={said.decided}>
          <DecidedTable rows={of.decided} everywhere />
        </Section>
      )}
    </>
  );
}

function WaitingTable({ label, rows, mine = false }: { label: string; rows: readonly Waiting[]; mine?: boolean }) {
  const said = useWords(reviewWords);
  const { language } = useLanguage();
  const columns: Column<Waiting>[] = [
    { id: "version", head: said.version, cell: (row) => <VersionLink of={row} /> },
    { id: "workspace", head: said.workspace, cell: (row) => row.workspace },
    { id: "environment", head: said.environment, cell: (row) => row.environment },
    { id: "foremost", head: said.foremost, cell: (row) => (row.foremost ? <Foremost of={row.foremost} /> : said.noEvidence) },
    { id: "gates", head: said.gates, cell: (row) => (row.gates > 0 ? said.gatesPassed(row.passed, row.gates) : said.noGates) },
    { id: "until", head: said.until, cell: (row) => <Time ms={row.deadline_ms} business={row.workspace} /> },
    mine
      ? { id: "role", head: said.role, cell: (row) => row.role }
      : { id: "who", head: said.whoMay, cell: (row) => (row.deciders.length > 0 ? row.deciders.join(", ") : said.nobody) },
  ];
  if (!mine) columns.push({ id: "why", head: said.whyNot, cell: (row) => row.why && whySentence(language, row.why) });
  return <Table label={label} rows={rows} columns={columns} rowKey={(row) => `${row.workspace}/${row.model}@${row.version}`} />;
}

function VersionLink({ of }: { of: { workspace: string; model: string; version: number } }) {
  const version = `${of.model}@${of.version}`;
  return (
    <Go to={to.reviewOf(of.workspace, version)}>
      <Name>{version}</Name>
    </Go>
  );
}

function Foremost({ of }: { of: NonNullable<Waiting["foremost"]> }) {
  return (
    <span className={styles.foremost}>
      <code>{of.gate}</code>
      <ChampionDifference of={of} />
    </span>
  );
}
