/* Why this candidate became the challenger: each other one beside it, on an inner window that neither learnt from. */
import { useWords } from "@/app/i18n";
import { Difference } from "@/design/Figure";
import styles from "./Evidence.module.css";
import type { ChainLink } from "./query";
import { modelWords } from "./words";

export function Candidates({ of }: { of: NonNullable<ChainLink["registered"]> }) {
  const said = useWords(modelWords);
  return (
    <ul className={styles.candidates}>
      {of.compared.map((one) => (
        <li key={one.candidate}>
          {said.candidate(one.candidate + 1, one.against + 1)} <Difference value={one.gain} low={one.low} high={one.high} better={one.better} />
          {" · "}
          {said.choices[of.because] ?? of.because}
        </li>
      ))}
    </ul>
  );
}
