/* What happened, as marks on every chart. Things of one moment are one mark. */
import type { ChartMark } from "@/design/LineChart";
import type { TimeMark } from "./query";
import type { Said } from "./words";

type Tone = NonNullable<ChartMark["tone"]>;
const TONES: Readonly<Record<string, Tone>> = {
  "quality.breached": "bad", "drift.detected": "bad", "rollout.aborted": "bad", "model.rolled_back": "bad", "champion.vacated": "bad",
  "quality.restored": "good", "drift.ended": "good",
};
const WEIGHT: readonly Tone[] = ["quiet", "good", "needs", "bad"];

export function chartMarks(marks: readonly TimeMark[], said: Said): ChartMark[] {
  const byTime = new Map<number, TimeMark[]>();
  for (const one of marks) byTime.set(one.time_ms, [...(byTime.get(one.time_ms) ?? []), one]);
  return [...byTime].map(([x, all]) => {
    const tones = all.map((one) => TONES[one.type] ?? "quiet");
    const tone = tones.reduce((a, b) => (WEIGHT.indexOf(a) >= WEIGHT.indexOf(b) ? a : b));
    // A crown comes with its route: the route says nothing more.
    const told = all.some((one) => one.type === "champion.crowned") ? all.filter((one) => one.type !== "route.changed") : all;
    return { id: all[0]?.event ?? String(x), x, label: [...new Set(told.map((one) => markText(one, said)))].join(" · "), tone };
  });
}

export function markText(mark: TimeMark, said: Said): string {
  const sentence = (said.marks as Readonly<Record<string, (of: string) => string>>)[mark.type];
  return sentence ? sentence(mark.type === "route.changed" ? sharesText(mark, said) : mark.subject) : mark.type;
}

function sharesText(mark: TimeMark, said: Said): string {
  return mark.shares.map((one) => `@${one.version} ${one.mode === "shadow" ? said.shadow : `${Math.round(one.share * 100)} %`}`).join(", ");
}

