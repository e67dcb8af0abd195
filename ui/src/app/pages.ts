/* Every page of the control room, literally: its address, what loads it, and where navigation shows it. A line makes a page exist. */
import type { ComponentType } from "react";
import { to } from "./links";
import type { WorkspaceSeen } from "./session";

/** What stands behind `$` in a path comes to the page as its props: `/w/$ws/rollouts/$id` gives `{ ws, id }`. */
export type ParamsOf<Path extends string> = Path extends `${string}$${infer Name}/${infer Rest}`
  ? { [Key in Name]: string } & ParamsOf<`/${Rest}`>
  : Path extends `${string}$${infer Name}`
    ? { [Key in Name]: string }
    : unknown;

/** Names of pages in navigation; their words are in `app/words.ts`. */
export type NavName = "home" | "review" | "model" | "rollouts" | "endpoint" | "runs" | "pipelines" | "monitors" | "data" | "events" | "audit";

export interface PageEntry {
  path: string;
  load: () => Promise<ComponentType<never>>;
  nav: NavName | null;
}

function page<Path extends string>(path: Path, nav: NavName | null, load: () => Promise<ComponentType<ParamsOf<Path>>>): PageEntry {
  return { path, nav, load: load as PageEntry["load"] };
}

export const PAGES: readonly PageEntry[] = [
  page("/sign-in", null, () => import("@/features/sign_in/SignInPage").then((it) => it.SignInPage)),
  page("/", "home", () => import("@/features/control_room/ControlRoomPage").then((it) => it.ControlRoomPage)),
  page("/w/$ws/models/$name", "model", () => import("@/features/model/ModelPage").then((it) => it.ModelPage)),
  page("/review", "review", () => import("@/features/review/ReviewListPage").then((it) => it.ReviewListPage)),
  page("/w/$ws/review/$version", null, () => import("@/features/review/ReviewPage").then((it) => it.ReviewPage)),
  page("/w/$ws/pipelines", "pipelines", () => import("@/features/pipeline_run/PipelinesPage").then((it) => it.PipelinesPage)),
  page("/w/$ws/runs/$id/steps", null, () => import("@/features/pipeline_run/PipelineRunPage").then((it) => it.PipelineRunPage)),
  page("/w/$ws/rollouts", "rollouts", () => import("@/features/rollout/RolloutsPage").then((it) => it.RolloutsPage)),
  page("/w/$ws/endpoint", "endpoint", () => import("@/features/endpoint/EndpointPage").then((it) => it.EndpointPage)),
  page("/w/$ws/rollouts/$id", null, () => import("@/features/rollout/RolloutPage").then((it) => it.RolloutPage)),
  page("/w/$ws/runs", "runs", () => import("@/features/runs/RunsPage").then((it) => it.RunsPage)),
  page("/w/$ws/data", "data", () => import("@/features/data/DataPage").then((it) => it.DataPage)),
  page("/w/$ws/data/$dataset", null, () => import("@/features/data/DatasetPage").then((it) => it.DatasetPage)),
  page("/w/$ws/runs/$id", null, () => import("@/features/run/RunPage").then((it) => it.RunPage)),
  page("/w/$ws/monitors", "monitors", () => import("@/features/monitors/MonitorsPage").then((it) => it.MonitorsPage)),
  page("/w/$ws/events", "events", () => import("@/features/events/EventsPage").then((it) => it.EventsPage)),
  page("/w/$ws/audit", "audit", () => import("@/features/audit/AuditPage").then((it) => it.AuditPage)),
  page("/w/$ws/compare", null, () => import("@/features/compare/ComparePage").then((it) => it.ComparePage)),
];

/** Where navigation leads, for a workspace; null where it has no such page. */
export const NAV_TO: Record<NavName, (of: WorkspaceSeen) => string | null> = {
  home: () => to.home(),
  review: () => to.review(),
  model: (of) => (of.model ? to.model(of.name, of.model) : null),
  rollouts: (of) => (of.endpoint ? to.rollouts(of.name) : null),
  endpoint: (of) => (of.endpoint ? to.endpoint(of.name) : null),
  runs: (of) => to.runs(of.name),
  pipelines: (of) => to.pipelines(of.name),
  monitors: (of) => (of.model ? to.monitors(of.name) : null),
  data: (of) => to.datasets(of.name),
  events: (of) => to.events(of.name),
  audit: (of) => to.audit(of.name),
};

/** Pages over all workspaces, and those of one, in the order of navigation; only those that exist. */
const exists = (name: NavName) => PAGES.some((one) => one.nav === name);
export const NAV_EVERYWHERE: readonly NavName[] = (["home", "review"] as const).filter(exists);
export const NAV_WORKSPACE: readonly NavName[] = (
  ["model", "rollouts", "endpoint", "monitors", "runs", "pipelines", "data", "events", "audit"] as const
).filter(exists);
