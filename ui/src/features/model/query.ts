import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type Model = Schemas["ModelPage"];
export type ChainLink = Schemas["ChainLink"];
export type Gates = Schemas["ChainGates"];
export type Rollout = Schemas["ChainRollout"];
export type Beside = Schemas["Beside"];
export type Side = Schemas["VersionSide"];
export type Metric = Schemas["MetricBeside"];
export type Reign = Schemas["Reigned"];
export type VersionRow = Schemas["VersionRow"];
export type VersionPage = Schemas["VersionPage"];

export const VERSIONS = "/api/v1/pages/models/{name}/versions";

export const modelQuery = (ws: string, name: string, version: string, beside: string) =>
  pageQuery({
    path: "/api/v1/pages/models/{name}",
    workspace: ws,
    params: { name },
    query: { version, beside },
    on: ["model.*", "gates.*", "approval.*", "rollout.*", "champion.*", "quality.*", "run.finished", "run.failed"],
  });
