/* A filter that is written: it counts at Enter, or when the field is left. */
import { TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import styles from "./FilterField.module.css";

interface FilterFieldProps {
  label: string;
  value: string;
  onSet: (value: string) => void;
  wide?: boolean;
}

const LONGEST = 12_000;

export function FilterField({ label, value, onSet, wide = false }: FilterFieldProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const done = () => {
    if (text !== value) onSet(text);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    done();
  };
  return (
    <form onSubmit={submit} className={wide ? styles.wide : styles.field}>
      <TextInput size="xs" label={label} value={text} maxLength={LONGEST} onChange={(event) => setText(event.currentTarget.value)} onBlur={done} />
    </form>
  );
}
