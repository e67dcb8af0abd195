/* MLflow's language in a box. Where it is wrong, the place is shown and what is wanted there. */
import { useEffect, useId, useRef, useState } from "react";
import { useWords } from "@/app/i18n";
import { Button } from "@/design/Button";
import { Mark } from "@/design/State";
import type { Wrong } from "./query";
import styles from "./Runs.module.css";
import { runsWords } from "./words";

export function FilterBox({ value, wrong, onFilter }: { value: string; wrong: Wrong | null; onFilter: (text: string) => void }) {
  const said = useWords(runsWords);
  const [text, setText] = useState(value);
  const box = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => setText(value), [value]);
  return (
    <form
      className={styles.filter}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onFilter(text.trim());
      }}
    >
      <label htmlFor={id}>{said.filter}</label>
      <div className={styles.filterLine}>
        <input
          id={id}
          ref={box}
          type="search"
          value={text}
          placeholder={said.filterExample}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          maxLength={20_000}
          aria-invalid={wrong !== null || undefined}
          aria-describedby={wrong === null ? undefined : `${id}wrong`}
          onChange={(event) => {
            setText(event.target.value);
            if (event.target.value === "") onFilter("");
          }}
        />
        <Button type="submit" off={text.trim() === value}>
          {said.filterApply}
        </Button>
      </div>
      {wrong !== null && (
        <p id={`${id}wrong`} className={styles.wrong} role="alert">
          <Mark tone="bad" /> {said.wrongAt(wrong.at + 1)}{" "}
          <code>
            {value.slice(Math.max(0, wrong.at - 30), wrong.at)}
            <mark>{value.slice(wrong.at, wrong.at + 20) || "␣"}</mark>
          </code>{" "}
          {said.hint(wrong.hint, wrong.values)}
        </p>
      )}
    </form>
  );
}
