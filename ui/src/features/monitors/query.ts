/* What the page of monitors asks: everything of one stretch of time, and one feature in one window beside its reference. */
import { useEffect } from "react";
import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type MonitorsPage = Schemas["MonitorsPage"];
export type Moved = Schemas["MovedShown"];
export type Doing = Schemas["MovedDoing"];
export type Monitor = Schemas["MonitorShown"];
export type SignalWindow = Schemas["SignalWindow"];
export type WindowGap = Schemas["WindowGap"];
export type StripRow = Schemas["StripRow"];
export type Reign = Schemas["MonitorReign"];
export type TimeMark = Schemas["TimeMark"];
export type Breach = Schemas["MonitorBreach"];
export type Service = Schemas["ServiceSlots"];
export type Distribution = Schemas["DistributionPage"];
export type Bin = Schemas["DistributionBin"];

const ON = [
  "champion.*", "route.changed", "model.rolled_back", "rollout.aborted", "quality.*", "drift.*", "reaction.fired", "run.*", "model.registered",
  "spec.applied", "clock.advanced",
];
const COUNTS_MS = 2_000;

export const monitorsQuery = (ws: string, from_ms: number | undefined, to_ms: number | undefined) =>
  pageQuery({ path: "/api/v1/pages/monitors", workspace: ws, query: { from_ms, to_ms }, on: ON });

export const distributionQuery = (ws: string, monitor: string, feature: string, window: number) =>
  pageQuery({ path: "/api/v1/pages/monitors/distribution", workspace: ws, query: { monitor, feature, window }, on: [] });

/** Look again while a long log is counted. */
export function useCounting(service: Service | null, refresh: () => void): void {
  const counting = service !== null && !service.complete;
  useEffect(() => {
    if (!counting) return;
    const timer = setInterval(() => !document.hidden && refresh(), COUNTS_MS);
    return () => clearInterval(timer);
  }, [counting, refresh]);
}
