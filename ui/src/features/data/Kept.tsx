/* Whether a promise is kept. */
import { useWords } from "@/app/i18n";
import { State } from "@/design/State";
import { dataWords } from "./words";

export function Kept({ kept, broken = 1 }: { kept: boolean | null; broken?: number }) {
  const said = useWords(dataWords);
  if (kept === null) return <State tone="off">{said.notLooked}</State>;
  return kept ? <State tone="good">{said.kept}</State> : <State tone="bad">{said.broken(Math.max(1, broken))}</State>;
}
