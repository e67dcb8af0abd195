/* One dataset: what it promises, whether its snapshots keep it, what differs between them, and what came of them. */
import { address } from "@/api/client";
import { usePage } from "@/api/page";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { ActButton } from "@/design/ActButton";
import { Short } from "@/design/Code";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { KeyValues } from "@/design/KeyValues";
import { Page, Section } from "@/design/Page";
import { Time } from "@/design/Time";
import { CameOf } from "./CameOf";
import { Contract } from "./Contract";
import { Difference } from "./Difference";
import { Kept } from "./Kept";
import { LabelFacts } from "./LabelFacts";
import { datasetQuery, type DatasetHead } from "./query";
import { Snapshots } from "./Snapshots";
import { Violations } from "./Violations";
import { dataWords } from "./words";

export function DatasetPage({ ws, dataset }: { ws: string; dataset: string }) {
  const said = useWords(dataWords);
  const [search] = useUrl();
  const asked = { snapshot: search.snapshot ?? "", against: search.against ?? "", after: search.after ?? "" };
  const { data: page, waiting } = usePage(datasetQuery(ws, dataset, asked));
  const { snapshot, labels } = page;
  return (
    <Page
      title={dataset}
      question={said.question}
      above={<Go to={to.datasets(ws)}>{said.data}</Go>}
      state={<Kept kept={snapshot ? snapshot.line.kept : null} broken={snapshot?.line.broken ?? 0} />}
      command={`regie dataset show ${dataset}`}
      exports={{ JSON: address("/api/v1/pages/data/{dataset}", ws, { dataset }, asked) }}
      acts={labels && <ActButton act={labels.state} workspace={ws} label={said.stateLabels} of={dataset} meaning={said.stateMeaning} reason="none" />}
      waiting={waiting}
    >
      <Facts of={page.dataset} />
      {snapshot === null ? (
        <Empty command={`regie dataset check ${dataset}`}>{said.noSnapshot}</Empty>
      ) : (
        <Section
          title={said.snapshot}
          note={
            <>
              <Short of={snapshot.line.digest} length={12} /> · {said.asOf} <Time ms={snapshot.line.as_of_ms} business={ws} as="minute" />
            </>
          }
        >
          <Violations dataset={dataset} snapshot={snapshot} />
        </Section>
      )}
      <Contract columns={page.columns} checks={page.checks} snapshot={snapshot} />
      {snapshot && <Difference ws={ws} dataset={dataset} columns={page.columns} snapshot={snapshot} />}
      {snapshot && <CameOf ws={ws} snapshot={snapshot} />}
      {labels && <LabelFacts ws={ws} labels={labels} />}
      {page.snapshots.length > 0 && <Snapshots ws={ws} page={page} />}
    </Page>
  );
}

function Facts({ of }: { of: DatasetHead }) {
  const said = useWords(dataWords);
  const say = useFormats();
  return (
    <KeyValues
      facts={[
        { name: said.source, value: <code>{of.source}</code> },
        { name: said.key, value: of.key.length > 0 ? <code>{of.key.join(", ")}</code> : said.none },
        { name: said.time, value: of.time === "" ? said.none : <code>{of.time}</code> },
        { name: said.label, value: of.label === "" ? said.none : <code>{of.label}</code>, note: of.known_after_ms === null ? undefined : said.knownAfter(say.duration(of.known_after_ms)) },
        of.holdout_ms !== null && { name: said.holdout, value: said.holdoutSays(say.duration(of.holdout_ms)) },
      ]}
    />
  );
}
