/* One version that waits for a person: should this go live? */
import { Fragment } from "react";
import { usePage } from "@/api/page";
import { useLanguage, useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { ActButton } from "@/design/ActButton";
import { Name } from "@/design/Code";
import { Command } from "@/design/CopyCommand";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { KeyValues } from "@/design/KeyValues";
import { Page, Section } from "@/design/Page";
import { State } from "@/design/State";
import { Time } from "@/design/Time";
import { whySentence } from "@/design/why";
import { designWords } from "@/design/words";
import { DecidedTable, TONES } from "./DecidedTable";
import { DifferenceTable } from "./DifferenceTable";
import { GateTable } from "./GateTable";
import { PeopleTable } from "./PeopleTable";
import { type Review, reviewQuery } from "./query";
import styles from "./Review.module.css";
import { reviewWords } from "./words";

export function ReviewPage({ ws, version }: { ws: string; version: string }) {
  const said = useWords(reviewWords);
  const { data, waiting } = usePage(reviewQuery(ws, version));
  return (
    <Page
      title={version}
      question={said.question}
      above={
        <>
          <Go to={to.review()}>{said.title}</Go>
          <Go to={to.model(ws, data.model, { version: data.version })}>{data.model}</Go>
        </>
      }
      state={<State tone={TONES[data.state]}>{said.states[data.state] ?? data.state}</State>}
      command={`regie approval show ${version} -w ${ws}`}
      exports={{ JSON: `/w/${ws}/api/v1/approvals/${encodeURIComponent(version)}` }}
      waiting={waiting}
      acts={<Decide of={data} />}
    >
      <Question of={data} />
      <Evidence of={data} />
      <Differences of={data} />
      <People of={data} />
      <Next of={data} />
      {data.history.length > 1 && (
        <Section title={said.history}>
          <DecidedTable rows={data.history} />
        </Section>
      )}
    </Page>
  );
}

function Decide({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  const subject = `${of.model}@${of.version}`;
  if (of.state !== "pending") return null;
  // Of the question that stands on the screen: where it is asked anew, an open dialog closes.
  const body = { approval: of.approval };
  return (
    <Fragment key={of.approval}>
      <ActButton act={of.grant} workspace={of.workspace} label={said.approve} of={subject} look="main" body={body} reason="needed" meaning={said.approveMeans(subject, of.next.stages.join(" → "))} />
      <ActButton act={of.refuse} workspace={of.workspace} label={said.refuse} of={subject} look="danger" body={body} reason="needed" meaning={said.refuseMeans(subject)} />
    </Fragment>
  );
}

function Question({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  const { language } = useLanguage();
  const barred = of.state === "pending" && !of.grant.allowed ? of.people[0]?.why : null;
  return (
    <Section title={said.asks}>
      <KeyValues
        facts={[
          { name: said.asked, value: <Time ms={of.requested_ms} business={of.workspace} as="minute" />, note: of.state === "pending" ? said.askedBecause(of.because) : undefined },
          of.state === "pending"
            ? { name: said.deadline, value: <Time ms={of.deadline_ms} business={of.workspace} as="minute" />, note: <Time ms={of.deadline_ms} business={of.workspace} /> }
            : { name: said.decided, value: <Time ms={of.decided_ms} business={of.workspace} as="minute" />, note: <Outcome of={of} /> },
          { name: said.role, value: of.role },
          { name: said.environment, value: of.environment },
          { name: said.against, value: of.champion === null ? said.noChampion : <Go to={to.model(of.workspace, of.model, { version: of.champion })}>{`${of.model}@${of.champion}`}</Go> },
        ]}
      />
      {barred && (
        <div className={styles.barred} role="note">
          <p>
            <strong>{said.notYou}</strong> {whySentence(language, barred)}.
          </p>
          <p>{said.way}</p>
          <Command>{`regie actor add NAME --role ${of.role} -w ${of.workspace}`}</Command>
          <p className={styles.note}>{said.wayThen}</p>
        </div>
      )}
    </Section>
  );
}

function Outcome({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  const { colon } = useWords(designWords);
  return of.decided_by ? (
    <>
      {said.decidedBy(of.decided_by)}
      {of.reason && (
        <>
          {colon}
          <Name>{of.reason}</Name>
        </>
      )}
    </>
  ) : (
    <>{said.askedBecause(of.because)}</>
  );
}

function Evidence({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  const say = useFormats();
  const held = of.evidence.find((one) => one.from_ms !== null && one.to_ms !== null && one.rows > 0);
  const note = held && said.evidenceNote(say.whole(held.rows), held.blocks, say.day(held.from_ms ?? 0, { utc: true }), say.day(held.to_ms ?? 0, { utc: true }));
  return (
    <Section title={said.evidence} note={note}>
      <GateTable gates={of.evidence} />
    </Section>
  );
}

function Differences({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  const { workspace: ws, champion } = of;
  return (
    <Section
      title={said.differences}
      tools={
        <>
          {of.champion_run_id && of.run_id && <Go to={to.compare(ws, [of.champion_run_id, of.run_id])}>{said.compare}</Go>}
          {champion !== null && <Go to={to.model(ws, of.model, { version: of.version, beside: champion })}>{said.beside}</Go>}
          {of.run_id && <Go to={to.run(ws, of.run_id)}>{said.run}</Go>}
        </>
      }
    >
      {champion === null && <p className={styles.quiet}>{said.noOther}</p>}
      {of.differences.length > 0 ? <DifferenceTable rows={of.differences} ws={ws} /> : champion !== null && <p className={styles.quiet}>{said.noDifferences}</p>}
    </Section>
  );
}

function People({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  return (
    <div className={of.state === "pending" ? styles.two : undefined}>
      {of.state === "pending" && (
        <Section title={said.people}>
          <PeopleTable people={of.people} />
          {of.people.length === 1 && of.people[0]?.why && <p className={styles.quiet}>{said.noHolder}</p>}
        </Section>
      )}
      <Section title={said.authors} note={said.authorsNote}>
        <ul className={styles.list}>
          {of.authors.map((one) => (
            <li key={one.name}>
              <Name>{one.name}</Name> {said.deeds[one.deed] ?? one.deed} {one.of !== "" && said.of(one.of)}
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}

function Next({ of }: { of: Review }) {
  const said = useWords(reviewWords);
  if (of.state !== "pending" && of.state !== "granted") return null;
  const { next } = of;
  return (
    <Section title={said.next}>
      {of.state === "pending" && <p>{said.nextGrant}</p>}
      {of.state === "granted" && (
        <p>
          {next.rollout === null ? (
            said.nextWaits
          ) : (
            <>
              {said.nextGranted} <Go to={to.rollout(of.workspace, next.rollout)}>{said.rollout}</Go> {said.rolloutStates[next.rollout_state ?? ""] ?? next.rollout_state}
              {next.stage !== null && next.rollout_state === "running" && <code className={styles.stage}>{next.stage}</code>}
            </>
          )}
        </p>
      )}
      <ol className={styles.stages}>
        {next.stages.map((stage) => (
          <li key={stage}>
            <code>{stage}</code>
          </li>
        ))}
      </ol>
      {of.state === "pending" && <p className={styles.quiet}>{said.nextRefuse}</p>}
    </Section>
  );
}
