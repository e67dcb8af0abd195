/* A page: what it is, the question it answers, what can be done; and the title of the document. */
import { type ReactNode, useEffect } from "react";
import { useWords } from "@/app/i18n";
import { useWorkspace } from "@/app/url";
import { CopyCommand } from "./CopyCommand";
import { ExportLinks } from "./Export";
import styles from "./Page.module.css";
import { designWords } from "./words";

interface PageProps {
  title: string;
  /** The question that it answers, in small letters below. */
  question?: string;
  /** Before the title: where this belongs, as links. */
  above?: ReactNode;
  /** Beside the title. */
  state?: ReactNode;
  /** Buttons. */
  acts?: ReactNode;
  /** The command that shows the same. */
  command?: string;
  /** Addresses of the same data by the server, by form. */
  exports?: Partial<Record<"CSV" | "JSON" | "NDJSON", string>>;
  /** What stands here is still the old, while the new is fetched. */
  waiting?: boolean;
  children: ReactNode;
}

export function Page({ title, question, above, state, acts, command, exports, waiting = false, children }: PageProps) {
  useTitle(title);
  return (
    <article className={styles.page} aria-busy={waiting || undefined}>
      <header className={styles.head}>
        {above !== undefined && <div className={styles.above}>{above}</div>}
        <div className={styles.row}>
          <h1 className={styles.title}>
            <bdi>{title}</bdi>
          </h1>
          {state}
          <div className={styles.tools}>
            {command !== undefined && <CopyCommand command={command} />}
            {exports !== undefined && <ExportLinks of={exports} />}
            {acts}
          </div>
        </div>
        {question !== undefined && <p className={styles.question}>{question}</p>}
      </header>
      {children}
    </article>
  );
}

const LONGEST = 80;

/** `churn@3 · flights · Regie`. */
export function useTitle(title: string): void {
  const workspace = useWorkspace();
  useEffect(() => {
    const short = title.length > LONGEST ? `${title.slice(0, LONGEST)}…` : title;
    document.title = [short, workspace, "Regie"].filter((part) => part !== "").join(" · ");
  }, [title, workspace]);
}

interface SectionProps {
  title: string;
  /** Beside the head. */
  note?: ReactNode;
  tools?: ReactNode;
  /** 2 below a page, 3 inside a section. */
  level?: 2 | 3;
  id?: string;
  children: ReactNode;
}

/** A part of a page under a head. */
export function Section({ title, note, tools, level = 2, id, children }: SectionProps) {
  const Head = level === 2 ? "h2" : "h3";
  return (
    <section className={level === 2 ? styles.section : styles.inner} id={id} aria-label={title}>
      <div className={styles.sectionHead}>
        <Head className={level === 2 ? styles.sectionTitle : styles.innerTitle}>{title}</Head>
        {note !== undefined && <div className={styles.note}>{note}</div>}
        {tools !== undefined && <div className={styles.tools}>{tools}</div>}
      </div>
      {children}
    </section>
  );
}

/** While a page is fetched: nothing for a moment, then a quiet word. */
export function Loading() {
  const said = useWords(designWords);
  return (
    <div className={styles.loading} role="status" data-waiting="">
      {said.loading}
    </div>
  );
}

