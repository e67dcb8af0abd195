/* What the endpoint's page asks, and how it stays fresh: requests make no events, so it looks again. */
import { useEffect } from "react";
import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type Endpoint = Schemas["EndpointPage"];
export type Traffic = Schemas["TrafficShown"];
export type ServingNode = Schemas["ServingNode"];
export type Variant = Schemas["RouteVariant"];
export type RequestForm = Schemas["RequestForm"];
export type Input = Schemas["RequestInput"];
export type Tried = Schemas["Tried"];
export type Last = Endpoint["last"];

export const SPANS: readonly Last[] = ["1h", "6h", "24h", "7d", "30d", "90d", "1y"];
export const USUAL: Last = "7d";
const ON = ["route.changed", "champion.*", "rollout.*", "spec.applied", "clock.advanced"];
const GROWS_MS = 5_000;
const COUNTS_MS = 2_000;

export const endpointQuery = (ws: string, last: Last) => pageQuery({ path: "/api/v1/pages/endpoint", workspace: ws, query: { last }, on: ON });

/** Look again while somebody may ask, or while a long log is counted. */
export function useGrowing(of: Endpoint, refresh: () => void): void {
  const every = of.traffic === null ? null : of.traffic.complete ? GROWS_MS : COUNTS_MS;
  useEffect(() => {
    if (every === null) return;
    const timer = setInterval(() => !document.hidden && refresh(), every);
    return () => clearInterval(timer);
  }, [every, refresh]);
}
