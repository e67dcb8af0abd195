/* A state: a shape, then a word. The shape says the same as the colour, so neither is needed alone. */
import type { ReactNode } from "react";
import styles from "./State.module.css";

/** `good` as promised; `bad` broken; `needs` waits for a person; `moving` work goes on; `quiet` waits by itself; `off` ended, or not there. */
export type Tone = "good" | "bad" | "needs" | "moving" | "quiet" | "off";

const SHAPES: Record<Tone, ReactNode> = {
  good: <circle cx="5" cy="5" r="4" />,
  bad: <path d="M5 0.6 9.6 9.2H0.4Z" />,
  needs: <path d="M5 0.3 9.7 5 5 9.7 0.3 5Z" />,
  moving: (
    <>
      <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path d="M5 1.4a3.6 3.6 0 0 1 0 7.2Z" />
    </>
  ),
  quiet: <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="1.4" />,
  off: <path d="M1 4.2h8v1.6H1Z" />,
};

export function Mark({ tone }: { tone: Tone }) {
  return (
    <svg className={`${styles.mark} ${styles[tone]}`} viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" fill="currentColor">
      {SHAPES[tone]}
    </svg>
  );
}

export function State({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={styles.state}>
      <Mark tone={tone} />
      <span className={styles[tone]}>{children}</span>
    </span>
  );
}
