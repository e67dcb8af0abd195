/* What the pages of rollouts ask, and how they stay fresh: the log grows without events, so a page that shows a running one looks again. */
import { useEffect } from "react";
import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type Rollout = Schemas["RolloutPage"];
export type Rollouts = Schemas["RolloutsPage"];
export type Brief = Schemas["RolloutBrief"];
export type Stage = Schemas["StageShown"];
export type Guard = Schemas["GuardShown"];
export type Windows = Schemas["GuardWindows"];
export type Traffic = Schemas["TrafficShown"];
export type Agreement = Schemas["AgreementShown"];
export type Told = Schemas["RolloutTold"];
export type Watch = Schemas["WatchShown"];

const ON = ["rollout.*", "route.changed", "champion.*", "model.rolled_back", "quality.*", "spec.applied", "clock.advanced"];
const GROWS_MS = 5_000;
const COUNTS_MS = 2_000;

export const rolloutQuery = (ws: string, id: string) => pageQuery({ path: "/api/v1/pages/rollouts/{rollout_id}", workspace: ws, params: { rollout_id: id }, on: ON });

export const rolloutsQuery = (ws: string, state: string, before: string) =>
  pageQuery({ path: "/api/v1/pages/rollouts", workspace: ws, query: { state, before }, on: ON });

/** Look again while requests come, or while a long log is counted. */
export function useGrowing(of: Rollout, refresh: () => void): void {
  const every = of.unread === "log.counting" ? COUNTS_MS : of.state === "running" ? GROWS_MS : null;
  useEffect(() => {
    if (every === null) return;
    const timer = setInterval(() => !document.hidden && refresh(), every);
    return () => clearInterval(timer);
  }, [every, refresh]);
}
