/* One thing that a person may do, as the server says: allowed, or why not. It asks for a reason, shows the command that does the same, sends, and says how it went. */
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { queries } from "@/api/page";
import { address, send } from "@/api/client";
import { useLanguage, useWords } from "@/app/i18n";
import { useOfferAct } from "@/app/pageActs";
import { Button } from "./Button";
import { Command } from "./CopyCommand";
import { Dialog } from "./Dialog";
import styles from "./ActButton.module.css";
import { Problem } from "./Problem";
import { type Why, whySentence } from "./why";
import { designWords } from "./words";

/** As the server's `Act`. */
export interface Act {
  action: string;
  method?: "POST" | "PUT" | "DELETE";
  path: string;
  allowed: boolean;
  why?: Why | null;
  command: string;
}

interface ActButtonProps<Answer> {
  act: Act;
  workspace: string;
  /** The verb: `Abort`. */
  label: string;
  /** On what, in the dialog's title and in Ctrl-K: the rollout's name. */
  of?: string;
  /** What follows from it, in a sentence of the dialog. */
  meaning?: ReactNode;
  /** Further fields of the dialog. */
  fields?: ReactNode;
  /** `needed` by default: it cannot be sent without. `none`: the route takes no reason. */
  reason?: "needed" | "optional" | "none";
  /** Sent beside the reason. */
  body?: Readonly<Record<string, unknown>>;
  look?: "plain" | "main" | "danger";
  /** Where it is not allowed, the reason stands there, not only when the button is pointed at or focused. */
  spell?: boolean;
  onDone?: (answer: Answer) => void;
}

/** A button that its own deed took away takes the focus with it: the keyboard goes on from the page, not from the top of all. */
function keepPlace(): void {
  if (document.activeElement === document.body) document.getElementById("page")?.focus({ preventScroll: true });
}

export function ActButton<Answer = unknown>(props: ActButtonProps<Answer>) {
  const { act, label, of = "", look = "plain", spell = false } = props;
  const said = useWords(designWords);
  const { language } = useLanguage();
  const [open, setOpen] = useState(false);
  const [done, setDone] = useState(false);
  const id = useId();
  useEffect(() => keepPlace, []);
  useOfferAct({ id, label, of, begin: () => setOpen(true) }, act.allowed);
  const begin = () => {
    setDone(false);
    setOpen(true);
  };
  return (
    <span className={styles.act}>
      <Button look={look} off={!act.allowed} aria-describedby={act.allowed ? undefined : id} aria-haspopup="dialog" onClick={begin}>
        {label}
      </Button>
      {!act.allowed && (
        <span id={id} className={spell ? styles.spelled : styles.why}>
          {said.notNow}: {act.why ? whySentence(language, act.why) : act.action}
        </span>
      )}
      <span role="status" className={styles.done}>
        {done && said.done(label)}
      </span>
      <Dialog open={open} onClose={() => setOpen(false)} title={of ? `${label} · ${of}` : label}>
        <ActForm<Answer>
          {...props}
          onCancel={() => setOpen(false)}
          onDone={(answer) => {
            setOpen(false);
            setDone(true);
            props.onDone?.(answer);
          }}
        />
      </Dialog>
    </span>
  );
}

function ActForm<Answer>(props: Omit<ActButtonProps<Answer>, "onDone"> & { onCancel: () => void; onDone: (answer: Answer) => void }) {
  const { act, workspace, label, meaning, fields, reason = "needed", body = {}, look, onCancel, onDone } = props;
  const said = useWords(designWords);
  const [text, setText] = useState("");
  const [state, setState] = useState<"asked" | "missing" | "sending">("asked");
  const [error, setError] = useState<unknown>(null);
  const [id, hint] = [useId(), useId()];
  const field = useRef<HTMLTextAreaElement>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (state === "sending") return;
    if (reason === "needed" && text.trim() === "") {
      field.current?.focus();
      return setState("missing");
    }
    setState("sending");
    setError(null);
    try {
      const sent = reason === "none" ? body : { ...body, reason: text.trim() };
      const answer = await send<Answer>(act.method ?? "POST", address(act.path, workspace), sent);
      void queries.invalidateQueries();
      onDone(answer);
    } catch (failed) {
      setError(failed);
      setState("asked");
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)} noValidate>
      {meaning !== undefined && <p>{meaning}</p>}
      {fields}
      {reason !== "none" && (
        <div className={styles.field}>
          <label htmlFor={id}>{said.reason}</label>
          <textarea
            id={id}
            ref={field}
            rows={3}
            maxLength={2000}
            value={text}
            autoFocus
            required={reason === "needed"}
            aria-invalid={state === "missing" || undefined}
            aria-describedby={hint}
            onChange={(event) => {
              setText(event.target.value);
              setState("asked");
            }}
          />
          <p id={hint} role={state === "missing" ? "alert" : undefined} className={state === "missing" ? styles.missing : styles.hint}>
            {state === "missing" ? said.reasonMissing : said.reasonHint}
          </p>
        </div>
      )}
      <div className={styles.field}>
        <span className={styles.hint}>{said.command}</span>
        <Command>{act.command}</Command>
      </div>
      {error !== null && <Problem small error={error} />}
      <div className={styles.buttons}>
        <Button onClick={onCancel}>{said.cancel}</Button>
        <Button type="submit" look={look === "danger" ? "danger" : "main"} off={state === "sending"}>
          {state === "sending" ? said.doing : label}
        </Button>
      </div>
    </form>
  );
}
