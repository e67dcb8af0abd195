/* One choice out of a few, as the browser's own list. */
import { useId } from "react";
import styles from "./Runs.module.css";

interface PickerProps {
  label: string;
  /** What no choice means. */
  any: string;
  value: string;
  of: readonly { id: string; name: string }[];
  onPick: (id: string) => void;
}

const LONGEST = 60;
const cut = (name: string) => (name.length > LONGEST ? `${name.slice(0, LONGEST)}…` : name);

export function Picker({ label, any, value, of, onPick }: PickerProps) {
  const id = useId();
  const known = value === "" || of.some((one) => one.id === value);
  return (
    <div className={styles.picked}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onPick(event.target.value)}>
        <option value="">{any}</option>
        {!known && <option value={value}>{cut(value)}</option>}
        {of.map((one) => (
          <option key={one.id} value={one.id}>
            {cut(one.name)}
          </option>
        ))}
      </select>
    </div>
  );
}
