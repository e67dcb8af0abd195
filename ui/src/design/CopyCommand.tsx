/* A command of the terminal that does or shows the same, to be copied. */
import { useEffect, useState } from "react";
import { useWords } from "@/app/i18n";
import { useWorkspace } from "@/app/url";
import { Button } from "./Button";
import styles from "./CopyCommand.module.css";
import { designWords } from "./words";

const SHOWN_MS = 2000;
/** Commands that ask a server about one workspace; others go by the project's folder, or by no workspace. */
const OF_WORKSPACE = /^regie (status|why|pipeline|run|model|approval|rollout|dataset (?!check)|monitor|event|audit export)\b/;

/** It says the same from whatever folder it is called: with the workspace that is looked at. */
export function commandIn(workspace: string, command: string): string {
  const said = workspace === "" || / (-w|--workspace) /.test(command) || !OF_WORKSPACE.test(command);
  return said ? command : `${command} -w ${workspace}`;
}

/** The same for each of some workspaces. */
export function commandInEach(workspaces: Iterable<string>, command: string): string {
  return [...new Set(workspaces)].slice(0, 8).map((one) => commandIn(one, command)).join("; ") || command;
}

/** Copies, and says so for a while. */
export function useCopy(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(0);
  useEffect(() => {
    if (copied === 0) return;
    const forget = setTimeout(() => setCopied(0), SHOWN_MS);
    return () => clearTimeout(forget);
  }, [copied]);
  return [copied > 0, (text) => void navigator.clipboard.writeText(text).then(() => setCopied((before) => before + 1))];
}

/** The button among a page's actions. */
export function CopyCommand({ command: plain }: { command: string }) {
  const said = useWords(designWords);
  const command = commandIn(useWorkspace(), plain);
  const [copied, copy] = useCopy();
  return (
    <Button look="bare" title={command} onClick={() => copy(command)}>
      <span aria-live="polite">{copied ? said.copied : said.copyCommand}</span>
    </Button>
  );
}

/** The command itself with its button. */
export function Command({ children }: { children: string }) {
  const said = useWords(designWords);
  const command = commandIn(useWorkspace(), children);
  const [copied, copy] = useCopy();
  return (
    <span className={styles.command}>
      <code className={command.startsWith("mlflow.") ? styles.text : `${styles.text} ${styles.shell}`} tabIndex={0}>
        {command}
      </code>
      <Button look="bare" className={styles.copy} aria-label={`${said.copy}${said.colon}${command}`} onClick={() => copy(command)}>
        <span aria-live="polite">{copied ? said.copied : said.copy}</span>
      </Button>
    </span>
  );
}
