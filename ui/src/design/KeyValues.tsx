/* Facts: a word and what it is, in two columns that a phone stacks. */
import type { ReactNode } from "react";
import styles from "./KeyValues.module.css";

export interface Fact {
  name: string;
  value: ReactNode;
  /** Under the value. */
  note?: ReactNode;
}

export function KeyValues({ facts }: { facts: readonly (Fact | null | false)[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact.name} className={styles.fact}>
              <dt>{fact.name}</dt>
              <dd>
                {fact.value}
                {fact.note !== undefined && <div className={styles.note}>{fact.note}</div>}
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}
