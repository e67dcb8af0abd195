/* Which columns a table shows, as a list of boxes. The choice stands in the address, by `useUrlList`. */
import { useId, useRef, useState } from "react";
import { useWords } from "@/app/i18n";
import { Button } from "./Button";
import { useDismiss } from "./dismiss";
import styles from "./ColumnChoice.module.css";
import { designWords } from "./words";

interface ColumnChoiceProps {
  columns: readonly { id: string; head: string }[];
  chosen: readonly string[];
  onChoose: (chosen: string[]) => void;
}

/** More than these get a field to filter by. */
const MANY = 12;

export function ColumnChoice({ columns, chosen, onChoose }: ColumnChoiceProps) {
  const said = useWords(designWords);
  const [open, setOpen] = useState(false);
  const [filter, setFilter] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  useDismiss(box, open, () => setOpen(false));
  const seen = columns.filter((one) => one.head.toLowerCase().includes(filter.toLowerCase()));
  const toggle = (column: string, on: boolean) =>
    onChoose(columns.map((one) => one.id).filter((one) => (one === column ? on : chosen.includes(one))));
  return (
    <div
      className={styles.choice}
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        setOpen(false);
        box.current?.querySelector("button")?.focus();
      }}
    >
      <Button aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {said.columns} {chosen.length}/{columns.length}
      </Button>
      {open && (
        <div id={id} className={styles.list} role="group" aria-label={said.columns}>
          {columns.length > MANY && <input type="search" value={filter} aria-label={said.columns} onChange={(event) => setFilter(event.target.value)} />}
          {seen.slice(0, 500).map((one) => (
            <label key={one.id}>
              <input type="checkbox" checked={chosen.includes(one.id)} onChange={(event) => toggle(one.id, event.target.checked)} />
              <bdi>{one.head}</bdi>
            </label>
          ))}
        </div>
      )}
    </div>
  );
}
