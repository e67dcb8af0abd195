/* What the pages of datasets ask for. */
import type { Answer } from "@/api/client";
import { pageQuery } from "@/api/page";

export type DataPage = Answer<"/api/v1/pages/data">;
export type DatasetBrief = DataPage["datasets"][number];
export type DatasetPage = Answer<"/api/v1/pages/data/{dataset}">;
export type DatasetHead = DatasetPage["dataset"];
export type SnapshotLine = DatasetPage["snapshots"][number];
export type SnapshotShown = NonNullable<DatasetPage["snapshot"]>;
export type Violation = SnapshotShown["violations"][number];
export type ColumnShown = DatasetPage["columns"][number];
export type Figures = NonNullable<ColumnShown["now"]>;
export type CheckShown = DatasetPage["checks"][number];
export type Labels = NonNullable<DatasetPage["labels"]>;

const MOVES = ["snapshot.created", "data.contract_broken", "spec.applied", "run.*"] as const;

export const dataQuery = (ws: string) => pageQuery({ path: "/api/v1/pages/data", workspace: ws, on: MOVES });

export const datasetQuery = (ws: string, dataset: string, said: { snapshot?: string; against?: string; after?: string }) =>
  pageQuery({ path: "/api/v1/pages/data/{dataset}", workspace: ws, params: { dataset }, query: said, on: MOVES });
