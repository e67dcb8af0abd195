/* All rollouts of a workspace, newest first: how each ended, and why. */
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to, withQuery } from "@/app/links";
import { useUrl } from "@/app/url";
import type { Column } from "@/design/columns";
import { Empty } from "@/design/Empty";
import { type As, shown } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Page } from "@/design/Page";
import { State } from "@/design/State";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import { type Brief, rolloutsQuery } from "./query";
import styles from "./RolloutsPage.module.css";
import { toneOf } from "./tones";
import { rolloutWords } from "./words";

const AS: Record<string, As> = { fraction: "percent", time: "duration" };
const STATES = ["running", "waiting", "finished", "aborted", "superseded"] as const;

export function RolloutsPage({ ws }: { ws: string }) {
  const said = useWords(rolloutWords);
  const [search] = useUrl();
  const state = STATES.find((one) => one === search.state) ?? "";
  const { data, waiting } = usePage(rolloutsQuery(ws, state, search.before ?? ""));
  const here = to.rollouts(ws);
  const command = `regie rollout list --workspace ${ws}`;
  return (
    <Page
      title={said.rollouts}
      question={said.listQuestion}
      command={state === "" ? command : `${command} --state ${state}`}
      exports={{ JSON: withQuery(`/w/${ws}/api/v1/rollouts`, { state }) }}
      waiting={waiting}
    >
      <States ws={ws} chosen={state} counts={data.counts} />
      <List ws={ws} rows={data.rollouts} state={state} />
      {(data.before !== null || search.before !== undefined) && (
        <p className={styles.pages}>
          {search.before !== undefined && <Go to={withQuery(here, { state })}>{said.newest}</Go>}
          {data.before !== null && <Go to={withQuery(here, { state, before: data.before })}>{said.older}</Go>}
        </p>
      )}
    </Page>
  );
}

function States({ ws, chosen, counts }: { ws: string; chosen: string; counts: Readonly<Record<string, number>> }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const shown = [["", said.all, all] as const, ...STATES.filter((one) => counts[one] !== undefined || one === chosen).map((one) => [one, said.state[one] ?? one, counts[one] ?? 0] as const)];
  return (
    <nav className={styles.states} aria-label={said.rollouts}>
      {shown.map(([state, name, count]) => (
        <Go key={state} to={withQuery(to.rollouts(ws), { state })} aria-current={state === chosen ? "true" : undefined}>
          {name} <span>{say.whole(count)}</span>
        </Go>
      ))}
    </nav>
  );
}

function List({ ws, rows, state }: { ws: string; rows: readonly Brief[]; state: string }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const columns: Column<Brief>[] = [
    {
      id: "version", head: said.version,
      cell: (one) => (
        <span className={styles.version}>
          <Go to={to.rollout(ws, one.id)}>
            <bdi>{`${one.model}@${one.version}`}</bdi>
          </Go>
          <span className={styles.quiet}>{one.incumbent === null ? said.first : said.against(one.incumbent)}</span>
        </span>
      ),
    },
    { id: "state", head: said.stateHead, cell: (one) => <State tone={toneOf(one.state, one.paused)}>{one.paused && one.state === "running" ? said.state.paused : (said.state[one.state] ?? one.state)}</State> },
    { id: "reached", head: said.reached, cell: (one) => <Reached of={one} /> },
    { id: "ended", head: said.ended, cell: (one) => <Ended of={one} /> },
    { id: "begun", head: said.begun, align: "end", cell: (one) => <Time ms={one.started_ms ?? one.created_ms} business={ws} as="minute" /> },
    { id: "lasted", head: said.lasted, align: "end", cell: (one) => (one.ended_ms !== null && one.started_ms !== null ? (one.ended_ms === one.started_ms ? said.atOnce : say.duration(one.ended_ms - one.started_ms)) : "–") },
  ];
  const empty = state === "" ? <Empty command={said.train}>{said.none}</Empty> : <Empty>{said.noneInState(said.state[state] ?? state)}</Empty>;
  return <Table label={said.rollouts} rows={rows} columns={columns} rowKey={(one) => one.id} empty={empty} marked={(one) => one.state === "running"} />;
}

/** `canary`, and how far that is: one square a stage. */
function Reached({ of }: { of: Brief }) {
  const whole = of.state === "finished";
  return (
    <span className={styles.reached}>
      <span className={styles.squares} aria-hidden="true">
        {of.stages.map((kind, index) => (
          <span key={`${kind}${index}`} className={whole || index < of.reached ? styles.done : index === of.reached && of.started_ms !== null ? (of.state === "aborted" ? styles.broke : styles.here) : undefined} />
        ))}
      </span>
      {of.started_ms === null ? "–" : of.stages[of.reached]}
    </span>
  );
}

function Ended({ of }: { of: Brief }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  if (of.ended_ms === null) return <>–</>;
  return (
    <span>
      {said.short(of.because)}
      {of.guard !== "" && (
        <>
          {said.colon}
          <code>{of.guard}</code>
          {of.figure !== null && ` (${shown(say, of.figure, AS[of.figure_kind] ?? "number")})`}
        </>
      )}
      {of.by !== "" && (
        <span className={styles.quiet}>
          {" "}
          <bdi>{said.by(of.by)}</bdi>
        </span>
      )}
      {of.reason !== "" && (
        <q className={styles.reason}>
          <bdi>{of.reason}</bdi>
        </q>
      )}
    </span>
  );
}
