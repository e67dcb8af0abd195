/* Named things that are not the same in both versions. */
import type { Beside } from "./query";
import styles from "./ChangedList.module.css";

export function ChangedList({ title, rows }: { title: string; rows: Beside["params"] }) {
  if (rows.length === 0) return null;
  return (
    <div className={styles.list}>
      <h3>{title}</h3>
      <dl>
        {rows.map((one) => (
          <div key={one.name}>
            <dt>
              <bdi>{one.name}</bdi>
            </dt>
            <dd>
              <bdi>{one.older === null ? "–" : brief(one.older)}</bdi> <span aria-hidden="true">→</span> <bdi>{one.newer === null ? "–" : brief(one.newer)}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** A digest says nothing by its length. */
function brief(text: string): string {
  return text.startsWith("sha256:") ? text.slice(7, 15) : text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
