/* What the pages of review ask, and which events make that old. */
import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type ReviewList = Schemas["ReviewList"];
export type Waiting = Schemas["ReviewWaiting"];
export type Decided = Schemas["ReviewDecided"];
export type Review = Schemas["ReviewPage"];
export type Gate = Schemas["ReviewGate"];
export type Differs = Schemas["ReviewDifference"];
export type Person = Schemas["ReviewPerson"];

const ON = ["approval.*", "actor.*", "spec.applied", "gates.*"];

export const reviewListQuery = (limit: number) =>
  pageQuery({ path: "/api/v1/pages/review", workspace: null, query: { limit }, on: ON });

export const reviewQuery = (ws: string, version: string) =>
  pageQuery({ path: "/api/v1/pages/review/{version}", workspace: ws, params: { version }, on: [...ON, "rollout.*", "champion.*"] });
