/* The shape that a rollout's state has, wherever it is shown. */
import type { Tone } from "@/design/State";

const TONES: Record<string, Tone> = { waiting: "quiet", running: "moving", finished: "good", aborted: "bad", superseded: "off" };

export function toneOf(state: string, paused: boolean): Tone {
  return paused && state === "running" ? "needs" : (TONES[state] ?? "quiet");
}
