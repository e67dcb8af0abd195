/* One input of the model: a list where the model knows the values, else what its type is typed with. */
import { useId } from "react";
import { useWords } from "@/app/i18n";
import { Mark } from "@/design/State";
import { keyOf, MISSING } from "./inputs";
import type { Input } from "./query";
import styles from "./TryForm.module.css";
import { endpointWords } from "./words";

interface FieldProps {
  of: Input;
  text: string;
  /** Why the endpoint did not take the value, in its words. */
  wrong?: string | undefined;
  onText: (text: string) => void;
}

export function Field(props: FieldProps) {
  const { of, wrong } = props;
  const said = useWords(endpointWords);
  const [id, hint, error] = [useId(), useId(), useId()];
  const listed = of.categories ? said.categories(of.known) : (said.type[of.type] ?? of.type);
  const promise = of.promise !== "" && !of.categories ? ` (${of.promise})` : "";
  return (
    <div className={styles.field}>
      <label htmlFor={id}>
        <bdi>{of.name}</bdi>
      </label>
      <Control {...props} id={id} hints={wrong === undefined ? hint : `${error} ${hint}`} />
      {wrong !== undefined && (
        <span id={error} className={styles.wrong}>
          <Mark tone="bad" /> {said.refusedValue} <bdi lang="en">{wrong}</bdi>
        </span>
      )}
      <span id={hint} className={styles.hint}>
        {listed}
        <bdi>{promise}</bdi>
        {of.nullable && !of.categories && of.type !== "bool" ? ` · ${said.emptyIsMissing}` : ""}
      </span>
    </div>
  );
}

function Control({ of, text, wrong, onText, id, hints }: FieldProps & { id: string; hints: string }) {
  const said = useWords(endpointWords);
  const shared = {
    id, value: text, "aria-describedby": hints, "aria-invalid": wrong === undefined ? undefined : true,
    onChange: (event: { target: { value: string } }) => onText(event.target.value),
  };
  if (of.categories || of.type === "bool") {
    const options = of.categories?.map((value) => [keyOf(value), String(value)] as const) ?? [["true", "true"] as const, ["false", "false"] as const];
    const other = text !== MISSING && !options.some(([key]) => key === text);
    return (
      <select {...shared}>
        {(of.nullable || text === MISSING) && <option value={MISSING}>{said.missingValue}</option>}
        {other && <option value={text}>{of.categories ? String(JSON.parse(text)) : text}</option>}
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    );
  }
  if (of.type === "time") return <input {...shared} type="datetime-local" step={1} />;
  return <input {...shared} type="text" inputMode={of.type === "str" ? "text" : "decimal"} autoComplete="off" spellCheck={false} placeholder={of.nullable ? said.missingValue : undefined} />;
}
