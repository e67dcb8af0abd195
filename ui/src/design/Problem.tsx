/* What went wrong: what, where, what to do. */
import type { ReactNode } from "react";
import { RegieError, Unreachable } from "@/api/error";
import { type Language, useLanguage, useWords } from "@/app/i18n";
import { Button } from "./Button";
import { Command } from "./CopyCommand";
import { errorFr } from "./errorWords";
import styles from "./Problem.module.css";
import { Mark } from "./State";
import { designWords } from "./words";

interface ProblemProps {
  error: unknown;
  onRetry?: () => void;
  /** Inside a page; without it, it is the page. */
  small?: boolean;
  /** Another way on. */
  beside?: ReactNode;
}

interface Told {
  what: string;
  where: string;
  todo: string;
  command: string | null;
  code: string;
  /** What the server says in English, where the words above are ours and lack its values. */
  english?: string;
}

/** What is offered to be copied into a shell: it may repeat what an address says, and anybody can write one. */
const COMMAND = /^regie( [\w@.,:=/+-]+| '[^'\n]*')*$/;
/** A new build of the control room has other files; the old page cannot load its parts any more. */
const LOST_PART = /dynamically imported module|module script failed|Failed to fetch dynamically|Unable to preload/i;
export const isLostPart = (error: unknown): boolean => error instanceof Error && LOST_PART.test(error.message);

export function Problem({ error, onRetry, small = false, beside }: ProblemProps) {
  const said = useWords(designWords);
  const { language } = useLanguage();
  const lost = isLostPart(error);
  const told = lost ? { what: said.gone, where: "", todo: said.goneDo, command: null, code: "" } : toldOf(error, said, language);
  const Heading = small ? "p" : "h1";
  return (
    <div className={small ? styles.small : styles.whole} role="alert">
      <Heading className={styles.what}>
        <Mark tone="bad" /> {told.what}
      </Heading>
      <dl className={styles.parts}>
        {told.where !== "" && (
          <Part name={said.where}>
            <code>{told.where}</code>
          </Part>
        )}
        {(told.todo !== "" || told.command !== null) && (
          <Part name={said.todo}>
            {told.todo}
            {told.command !== null && <Command>{told.command}</Command>}
          </Part>
        )}
        {told.english !== undefined && (
          <Part name={said.english}>
            <bdi lang="en">{told.english}</bdi>
          </Part>
        )}
      </dl>
      <div className={styles.row}>
        {lost ? (
          <Button onClick={() => location.reload()}>{said.reload}</Button>
        ) : (
          onRetry && <Button onClick={onRetry}>{said.retry}</Button>
        )}
        {beside}
        {told.code !== "" && <code className={styles.code}>{told.code}</code>}
      </div>
    </div>
  );
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function toldOf(error: unknown, said: { unreachable: string; unreachableDo: string; fault: string; faultDo: string }, language: Language): Told {
  if (error instanceof Unreachable) {
    return { what: said.unreachable, where: location.origin, todo: said.unreachableDo, command: null, code: "" };
  }
  if (error instanceof RegieError) return language === "fr" ? inFrench(error) : inEnglish(error);
  const text = error instanceof Error ? error.message : String(error);
  return { what: said.fault, where: text, todo: said.faultDo, command: null, code: "" };
}

function inEnglish({ what, where, todo, code }: RegieError): Told {
  const command = COMMAND.test(todo) ? todo : null;
  return { what, where, todo: command === null ? todo : "", command, code };
}

function inFrench({ what, where, todo, code, status }: RegieError): Told {
  const ours = errorFr(code, status);
  const command = COMMAND.test(todo) ? todo : null;
  const told = { what: ours.what, where, todo: ours.todo, command, code };
  const english = [what, command === null ? todo : ""].filter((part) => part !== "").join(" · ");
  return ours.whole || english === "" ? told : { ...told, english };
}
