/* The state of a run or a task: its shape and its word. */
import { useWords } from "@/app/i18n";
import { State, type Tone } from "@/design/State";
import type { RunState, TaskState } from "./query";
import { pipelineWords } from "./words";

export const TONES: Record<TaskState | RunState, Tone> = {
  waiting: "quiet",
  queued: "quiet",
  running: "moving",
  retrying: "needs",
  finished: "good",
  cached: "good",
  failed: "bad",
  cancelled: "off",
  unreached: "off",
};

export function StateOf({ state }: { state: TaskState | RunState }) {
  const said = useWords(pipelineWords);
  return <State tone={TONES[state]}>{said.states[state]}</State>;
}
