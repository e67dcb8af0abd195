/* What the pages of pipelines and their runs ask for. */
import type { Answer } from "@/api/client";
import { pageQuery } from "@/api/page";

export type PipelinesPage = Answer<"/api/v1/pages/pipelines">;
export type PipelineLine = PipelinesPage["pipelines"][number];
export type RunLine = PipelineLine["runs"][number];
export type RunPage = Answer<"/api/v1/pages/pipeline-run/{run_id}">;
export type RunHead = RunPage["run"];
export type TaskNode = RunPage["nodes"][number];
export type Spot = TaskNode["spots"][number];
export type Attempt = Spot["attempts"][number];
export type TaskState = Spot["state"];
export type RunState = RunHead["state"];
export type TaskPage = Answer<"/api/v1/pages/pipeline-run/{run_id}/task">;
export type Chosen = NonNullable<TaskPage["chosen"]>;
export type Held = NonNullable<TaskPage["inputs"][number]["held"]>;
export type Part = Chosen["why"]["parts"][number];
export type Printed = Answer<"/api/v1/tasks/{task_id}/log">;

const MOVES = ["run.*", "task.*", "model.registered"] as const;

export const pipelinesQuery = (ws: string) => pageQuery({ path: "/api/v1/pages/pipelines", workspace: ws, on: [...MOVES, "spec.applied"] });

export const runQuery = (ws: string, run: string) =>
  pageQuery({ path: "/api/v1/pages/pipeline-run/{run_id}", workspace: ws, params: { run_id: run }, on: MOVES });

/** The task that is looked at: asked for only when one is chosen. */
export const taskQuery = (ws: string, run: string, name: string, window: string, attempt: number) =>
  pageQuery({
    path: "/api/v1/pages/pipeline-run/{run_id}/task",
    workspace: ws,
    params: { run_id: run },
    query: { name, window, attempt: attempt || null },
    on: MOVES,
  });
