/* Who, when, from which code and data, and what came of it. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Name, Short } from "@/design/Code";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { type Fact, KeyValues } from "@/design/KeyValues";
import { Time } from "@/design/Time";
import type { RunAnswer } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

export function Facts({ ws, of }: { ws: string; of: RunAnswer }) {
  const said = useWords(runWords);
  const say = useFormats();
  const { run } = of;
  const facts: (Fact | false)[] = [
    { name: said.id, value: <Short of={run.id} length={12} /> },
    { name: said.user, value: <Name>{run.user}</Name> },
    { name: said.started, value: <Time ms={run.started_ms} as="exact" /> },
    {
      name: said.took,
      value: run.ended_ms === null ? said.going : <Figure value={run.ended_ms - run.started_ms} as="duration" />,
      ...(run.ended_ms === null ? {} : { note: <Time ms={run.ended_ms} as="exact" /> }),
    },
    { name: said.code, value: <Source ws={ws} of={of} /> },
    of.datasets.length > 0 && { name: said.data, value: <Datasets ws={ws} of={of.datasets} /> },
    {
      name: said.versions,
      value:
        of.versions.length === 0
          ? said.noVersions
          : of.versions.map((one) => (
              <span key={`${one.model}@${one.version}`} className={styles.listed}>
                <Go to={to.model(ws, one.model, { version: one.version })}>
                  <Name>{`${one.model}@${one.version}`}</Name>
                </Go>
              </span>
            )),
    },
    of.models.length > 0 && {
      name: said.models,
      value: of.models.map((one) => (
        <span key={one.id + String(one.written)} className={styles.listed}>
          {one.gone ? (
            <>
              <Short of={one.id} length={12} /> {said.modelGone}
            </>
          ) : (
            <Go to={to.run(ws, run.id, { tab: "artifacts", root: `models/${one.id}` })}>
              <Name>{one.name || one.id}</Name>
            </Go>
          )}
          {!one.written && ` (${said.modelRead})`}
        </span>
      )),
    },
    of.traces > 0 && { name: said.traces, value: say.whole(of.traces) },
    of.note !== "" && { name: said.note, value: <span className={styles.noteText}>{of.note.slice(0, 4000)}</span> },
  ];
  return <KeyValues facts={facts} />;
}

function Source({ ws, of }: { ws: string; of: RunAnswer }) {
  const said = useWords(runWords);
  const { name, commit, branch, code } = of.source;
  if (name === "" && commit === "" && code === "") return <>{said.noCode}</>;
  return (
    <span className={styles.source}>
      {name !== "" && (of.steps ? <Go to={to.steps(ws, of.run.id)}><Name>{name}</Name></Go> : <Name>{name}</Name>)}
      {commit !== "" && (
        <span>
          {said.commit} <Short of={commit} />
        </span>
      )}
      {branch !== "" && (
        <span>
          {said.branch} <Name>{branch}</Name>
        </span>
      )}
      {code !== "" && (
        <span>
          <Short of={code} /> {said.codeKept}
        </span>
      )}
    </span>
  );
}

function Datasets({ ws, of }: { ws: string; of: RunAnswer["datasets"] }) {
  const said = useWords(runWords);
  return of.map((one) => (
    <span key={one.name + one.digest + one.context} className={styles.listed}>
      {one.ours ? (
        <Go to={to.dataset(ws, one.name, { snapshot: one.digest })}>
          <Name>{one.name}</Name>
        </Go>
      ) : (
        <span title={said.dataOther}>
          <Name>{one.name}</Name>
        </span>
      )}{" "}
      <Short of={one.digest} /> {one.context !== "" && <Name>{one.context}</Name>}
    </span>
  ));
}
