/* A form made of the champion's signature: it sends one real request, and shows the answer beside the same request in other tongues. */
import { type FormEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { address, send } from "@/api/client";
import { useLanguage, useWords } from "@/app/i18n";
import { Button } from "@/design/Button";
import { Code } from "@/design/Code";
import { Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { Tabs } from "@/design/Tabs";
import { whySentence } from "@/design/why";
import { Answer } from "./Answer";
import { Field } from "./Field";
import { rowOf, type Texts, textsOf } from "./inputs";
import type { RequestForm, Tried } from "./query";
import { curl, javascript, python, type Row } from "./snippets";
import styles from "./TryForm.module.css";
import { endpointWords } from "./words";

export function TryForm({ of, ws }: { of: RequestForm; ws: string }) {
  const said = useWords(endpointWords);
  const { language } = useLanguage();
  // What a person types stays, whatever row the server would fill in by now; another version has other fields.
  const shape = of.fields.map((one) => `${one.name} ${one.type}`).join();
  const first = useMemo(() => textsOf(of.fields), [shape]);
  const [texts, setTexts] = useState<Texts>(first);
  const [answer, setAnswer] = useState<Tried | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [sending, setSending] = useState(false);
  /** The column whose value was refused, until it is typed anew. */
  const [wrong, setWrong] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (wrong !== null) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [answer]);
  const why = useId();
  const row = rowOf(of.fields, texts);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (sending || !of.act.allowed) return;
    setSending(true);
    setError(null);
    try {
      const tried = await send<Tried>("POST", address(of.act.path, ws), { row });
      setAnswer(tried);
      setWrong(tried.refused?.column ?? null);
    } catch (failed) {
      setAnswer(null);
      setWrong(null);
      setError(failed);
    }
    setSending(false);
  };
  const type = (name: string, text: string) => {
    setTexts((before) => ({ ...before, [name]: text }));
    if (name === wrong) setWrong(null);
  };
  const fillAgain = () => {
    setTexts(textsOf(of.fields));
    setWrong(null);
  };
  const source = of.fields.find((one) => one.source !== "nothing")?.source ?? "nothing";
  return (
    <div className={styles.halves}>
      <form ref={form} className={styles.form} onSubmit={(event) => void submit(event)} noValidate>
        <p className={styles.note}>{said.formNote}</p>
        <div className={styles.fields}>
          {of.fields.map((one) => (
            <Field key={one.name} of={one} text={texts[one.name] ?? ""} wrong={one.name === wrong ? answer?.refused?.what : undefined} onText={(text) => type(one.name, text)} />
          ))}
        </div>
        <p className={styles.note}>{said.filled[source]}</p>
        <div className={styles.buttons}>
          <Button type="submit" look="main" off={sending || !of.act.allowed} aria-describedby={of.act.allowed ? undefined : why}>
            {sending ? said.sending : said.send}
          </Button>
          <Button onClick={fillAgain}>{said.again}</Button>
          {of.act.why && (
            <span id={why} className={styles.note}>
              {whySentence(language, of.act.why)}
            </span>
          )}
        </div>
      </form>
      <div className={styles.side}>
        <Section level={3} title={said.answer}>
          <div aria-live="polite" className={styles.answer}>
            {error !== null && <Problem small error={error} />}
            {answer !== null && <Answer of={answer} />}
            {error === null && answer === null && <p className={styles.note}>–</p>}
          </div>
        </Section>
        {of.address !== null && <Same address={of.address} row={row} />}
      </div>
    </div>
  );
}

function Same({ address: at, row }: { address: string; row: Row }) {
  const said = useWords(endpointWords);
  const tongues = [
    ["curl", curl],
    ["Python", python],
    ["JavaScript", javascript],
  ] as const;
  const tabs = tongues.map(([name, text]) => ({ id: name, label: name, panel: () => <Code label={`${said.same}: ${name}`} maxHeight="20rem">{text(at, row)}</Code> }));
  return (
    <Section level={3} title={said.same} note={said.sameNote(at)}>
      <Tabs tabs={tabs} name="as" label={said.same} />
    </Section>
  );
}
