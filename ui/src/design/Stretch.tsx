/* A stretch of time in the address: `?from=2013-07-01&to=2013-08-01T06:30Z`, in UTC, its end excluded. */
import { TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useWords, words } from "@/app/i18n";
import { useUrl } from "@/app/url";
import styles from "./Stretch.module.css";

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z$/;

const stretchWords = words({
  en: { from: "From (UTC)", to: "Before (UTC)", example: "2013-07-01", wrong: "Write 2013-07-01 or 2013-07-01T06:30Z" },
  fr: { from: "Depuis (UTC)", to: "Avant (UTC)", example: "2013-07-01", wrong: "Écrire 2013-07-01 ou 2013-07-01T06:30Z" },
});

/** Milliseconds; undefined for what is no time. */
export function momentOf(text: string): number | undefined {
  if (!DAY.test(text) && !MOMENT.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

/** As short as it can be written. */
export function momentText(ms: number): string {
  const text = new Date(ms).toISOString();
  return ms % DAY_MS === 0 ? text.slice(0, 10) : `${text.slice(0, 16)}Z`;
}

export interface Stretch {
  from: string;
  to: string;
  fromMs: number | undefined;
  toMs: number | undefined;
  /** undefined leaves an end open. */
  set: (fromMs: number | undefined, toMs: number | undefined) => void;
}

export function useStretch(): Stretch {
  const [search, change] = useUrl();
  const [from, to] = [search.from ?? "", search.to ?? ""];
  const text = (ms: number | undefined) => (ms === undefined ? undefined : momentText(ms));
  return { from, to, fromMs: momentOf(from), toMs: momentOf(to), set: (fromMs, toMs) => change({ from: text(fromMs), to: text(toMs) }) };
}

/** Two fields; what is written counts at Enter, or when the field is left. */
export function StretchFields() {
  const said = useWords(stretchWords);
  const [search, change] = useUrl();
  return (
    <>
      <Moment label={said.from} value={search.from ?? ""} onSet={(from) => change({ from })} />
      <Moment label={said.to} value={search.to ?? ""} onSet={(to) => change({ to })} />
    </>
  );
}

function Moment({ label, value, onSet }: { label: string; value: string; onSet: (value: string) => void }) {
  const said = useWords(stretchWords);
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const wrong = text !== "" && momentOf(text) === undefined;
  const done = () => {
    if (!wrong && text !== value) onSet(text);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    done();
  };
  return (
    <form onSubmit={submit} className={styles.moment}>
      <TextInput
        size="xs"
        label={label}
        placeholder={said.example}
        value={text}
        error={wrong && said.wrong}
        onChange={(event) => setText(event.currentTarget.value.trim())}
        onBlur={done}
      />
    </form>
  );
}
