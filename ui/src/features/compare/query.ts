/* What the comparison of runs asks for: all tables at once; curves and code when they are looked at. */
import type { Answer } from "@/api/client";
import { pageQuery } from "@/api/page";

export type CompareAnswer = Answer<"/api/v1/pages/compare">;
export type Compared = CompareAnswer["runs"][number];
export type Rows = CompareAnswer["metrics"];
export type Row = Rows["rows"][number];
export type Axis = CompareAnswer["axes"][number];
export type CodeAnswer = Answer<"/api/v1/pages/compare/code">;

export interface Asked {
  runs: string;
  reference: string;
  all: boolean;
  search: string;
  axes: string;
}

const PATH = "/api/v1/pages/compare";

export const compareQuery = (ws: string, asked: Asked) =>
  pageQuery({ path: PATH, workspace: ws, query: { ...asked, all: asked.all || null }, on: ["run.*", "measured"], runs: asked.runs.split(",") });

export const curvesQuery = (ws: string, runs: readonly string[], metrics: readonly string[], times: boolean) =>
  pageQuery({ path: "/api/v1/pages/curves", workspace: ws, query: { runs: runs.join(","), metric: metrics, times: times || null }, on: ["measured"], runs });

export const codeQuery = (ws: string, reference: string, run: string) =>
  pageQuery({ path: "/api/v1/pages/compare/code", workspace: ws, query: { reference, run }, on: [] });
