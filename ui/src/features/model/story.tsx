/* A link of the chain as a person tells it: a sentence, what is to be noted, whose words, and the evidence. */
import type { ReactNode } from "react";
import type { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Short } from "@/design/Code";
import { Go } from "@/design/Go";
import { BreachEvidence } from "./BreachEvidence";
import { Candidates } from "./Candidates";
import { GateEvidence } from "./GateEvidence";
import type { ChainLink } from "./query";
import { Stages } from "./Stages";
import type { modelWords } from "./words";

type Said = ReturnType<typeof useWords<(typeof modelWords)["en"]>>;

export interface Story {
  head: ReactNode;
  note?: ReactNode;
  /** What somebody wrote. */
  quote?: string;
  evidence?: ReactNode;
  tone: "plain" | "bad" | "good" | "person" | "crown" | "origin";
}

interface Place {
  ws: string;
  model: string;
  /** The link before it: what it has told already. */
  before: ChainLink["kind"] | undefined;
}

export function storyOf(link: ChainLink, said: Said, place: Place): Story {
  const { ws, model } = place;
  const { breach, run, registered, judged, approved, released, crowned, rolled_back: back } = link;
  if (breach) {
    return {
      head: <Go to={to.monitors(ws)}>{breach.kind === "quality" ? said.broke(breach.monitor) : said.drifted(breach.monitor)}</Go>,
      note: said.ofVersion(breach.version),
      evidence: <BreachEvidence of={breach} />,
      tone: "bad",
    };
  }
  if (link.kind === "reaction") return { head: said.reacted(link.subject), quote: place.before === "breach" ? "" : link.because, tone: "plain" };
  if (run) {
    return {
      head: (
        <>
          {said.ran(run.pipeline, run.state)} <Go to={to.steps(ws, run.run_id)}>{said.theRun}</Go>
        </>
      ),
      note: (
        <>
          {said.startedBy(run.by)}
          {Object.entries(run.snapshots).map(([name, digest]) => (
            <span key={name}>
              {" · "}
              <Go to={to.dataset(ws, name, { snapshot: digest })}>
                <bdi>{name}</bdi>
              </Go>{" "}
              <Short of={digest} />
            </span>
          ))}
        </>
      ),
      tone: run.state === "finished" ? "plain" : "bad",
    };
  }
  if (registered) {
    return {
      head: said.registered(registered.version, registered.role),
      note: said.trainedOn(registered.window, registered.rows),
      evidence: registered.compared.length > 0 ? <Candidates of={registered} /> : undefined,
      tone: "plain",
    };
  }
  if (judged) {
    return {
      head: said.judged(judged.verdict, judged.evidence.length),
      note: said.against(judged.champion),
      evidence: judged.evidence.length > 0 ? <GateEvidence of={judged} ws={ws} /> : undefined,
      tone: judged.verdict === "passed" ? "good" : judged.verdict === "inconclusive" ? "plain" : "bad",
    };
  }
  if (approved) {
    return {
      head: said.approved(approved.state, approved.by, approved.role),
      quote: approved.reason,
      note: approved.state === "pending" ? <Go to={to.reviewOf(ws, link.subject)}>{said.toReview}</Go> : undefined,
      tone: "person",
    };
  }
  if (released) {
    return {
      head: (
        <>
          {said.released(released.state, released.version, released.incumbent)} <Go to={to.rollout(ws, released.id)}>{said.theRollout}</Go>
        </>
      ),
      note: released.broken !== "" ? said.guardBroke(released.broken) : undefined,
      evidence: <Stages of={released} ws={ws} />,
      tone: released.state === "aborted" ? "bad" : "plain",
    };
  }
  if (crowned && link.kind === "origin") {
    return { head: <Go to={to.model(ws, model, { version: crowned.version })}>{said.origin(crowned.version)}</Go>, note: said.itsStory, tone: "origin" };
  }
  if (crowned) {
    return { head: said.crowned(crowned.version, crowned.endpoint, crowned.environment), note: crowned.former === null ? undefined : said.inPlaceOf(crowned.former), tone: "crown" };
  }
  if (back) return { head: said.rolledBack(back.by, back.from_version, back.to), quote: back.reason, tone: "person" };
  return { head: <code>{link.type}</code>, note: link.subject, quote: link.because, tone: "plain" };
}
