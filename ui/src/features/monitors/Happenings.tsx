/* The marks of the charts in words. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { Time } from "@/design/Time";
import { markText } from "./marks";
import styles from "./Happenings.module.css";
import type { TimeMark } from "./query";
import { monitorWords } from "./words";

export function Happenings({ ws, marks }: { ws: string; marks: readonly TimeMark[] }) {
  const said = useWords(monitorWords);
  if (marks.length === 0) return null;
  return (
    <Section title={said.marksTitle} note={said.marksLegend}>
      <details>
        <summary>{said.marksCount(marks.length)}</summary>
        <ol className={styles.list} tabIndex={0} aria-label={said.marksTitle}>
          {[...marks].reverse().map((one) => (
            <li key={one.event}>
              <Time ms={one.time_ms} business={ws} as="minute" /> <Go to={to.events(ws, { event: one.event })}>{markText(one, said)}</Go>
            </li>
          ))}
        </ol>
      </details>
    </Section>
  );
}
