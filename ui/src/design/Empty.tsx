/* Nothing here yet: one sentence why, and the command that changes it. */
import type { ReactNode } from "react";
import { Command } from "./CopyCommand";
import styles from "./Empty.module.css";

export function Empty({ children, command, small = false }: { children: ReactNode; command?: string; small?: boolean }) {
  return (
    <div className={small ? styles.small : styles.empty}>
      <p>{children}</p>
      {command !== undefined && <Command>{command}</Command>}
    </div>
  );
}
