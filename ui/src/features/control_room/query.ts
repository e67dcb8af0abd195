import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type ControlRoom = Schemas["ControlRoom"];
export type ModelLine = Schemas["ModelLine"];
export type LoopStation = Schemas["LoopStation"];
export type Need = ModelLine["need"];

/** Whatever moves a model along its loop, or says how production keeps its promise. */
const MOVES = [
  "workspace.created", "spec.applied", "clock.advanced", "snapshot.created", "data.contract_broken", "reaction.fired", "run.*", "model.*",
  "gates.*", "approval.*", "rollout.*", "champion.*", "route.changed", "quality.*", "drift.*", "actor.*",
] as const;

export const controlRoomQuery = (q: string, need: string, limit: number | null) =>
  pageQuery({
    path: "/api/v1/pages/control-room",
    workspace: null,
    query: { q, need: need || null, limit },
    on: MOVES,
  });
