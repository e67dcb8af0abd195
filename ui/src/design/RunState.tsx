/* The state of a run as MLflow names it: a shape and a word. */
import { useWords, words } from "@/app/i18n";
import { State, type Tone } from "./State";

const TONES: Record<string, Tone> = { RUNNING: "moving", SCHEDULED: "quiet", FINISHED: "good", FAILED: "bad", KILLED: "off" };

export const runStateWords = words({
  en: { RUNNING: "running", SCHEDULED: "scheduled", FINISHED: "finished", FAILED: "failed", KILLED: "ended early" },
  fr: { RUNNING: "en cours", SCHEDULED: "prévue", FINISHED: "terminée", FAILED: "échouée", KILLED: "interrompue" },
});

export function RunState({ state }: { state: string }) {
  const said = useWords(runStateWords);
  return <State tone={TONES[state] ?? "quiet"}>{said[state as keyof typeof said] ?? state}</State>;
}

export const runTone = (state: string): Tone => TONES[state] ?? "quiet";
