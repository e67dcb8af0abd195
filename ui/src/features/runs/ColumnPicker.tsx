/* Which metrics, parameters and tags are columns, searched among thousands of names by the server; and their order. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useWords } from "@/app/i18n";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import { namesOf, type RunColumn } from "./query";
import styles from "./Runs.module.css";
import { runsWords } from "./words";

type Kind = RunColumn["kind"];
const KINDS: readonly Kind[] = ["metric", "param", "tag"];

interface ColumnPickerProps {
  ws: string;
  /** As an address has them: `m.loss`. */
  chosen: readonly string[];
  /** null: let the server choose. */
  onChoose: (chosen: readonly string[] | null) => void;
}

export function ColumnPicker({ ws, chosen, onChoose }: ColumnPickerProps) {
  const said = useWords(runsWords);
  const [kind, setKind] = useState<Kind>("metric");
  const [search, setSearch] = useState("");
  const asked = useDeferredValue(search);
  const { data } = useQuery({ queryKey: ["run columns", ws, kind, asked], queryFn: ({ signal }) => namesOf(ws, kind, asked, signal), placeholderData: (before) => before });
  const shown = (name: string) => `${kind[0]}.${name}`;
  const toggle = (short: string, on: boolean) => onChoose(on ? [...chosen, short] : chosen.filter((one) => one !== short));
  const move = (index: number, by: number) => {
    const order = [...chosen];
    const [one] = order.splice(index, 1);
    order.splice(index + by, 0, one as string);
    onChoose(order);
  };
  return (
    <div className={styles.picker}>
      <div className={styles.kinds} role="group" aria-label={said.columns}>
        {KINDS.map((one) => (
          <button key={one} type="button" aria-pressed={one === kind} onClick={() => setKind(one)}>
            {said.columnsOf[one]}
          </button>
        ))}
      </div>
      <input type="search" value={search} aria-label={said.columnsSearch} placeholder={said.columnsSearch} onChange={(event) => setSearch(event.target.value)} />
      <ul className={styles.names}>
        {data?.names.map((name) => (
          <li key={name}>
            <label>
              <input type="checkbox" checked={chosen.includes(shown(name))} onChange={(event) => toggle(shown(name), event.target.checked)} />
              <Name>{name}</Name>
            </label>
          </li>
        ))}
      </ul>
      {data && <p className={styles.small}>{data.names.length === 0 ? said.columnsNone : data.more ? said.columnsMore : said.columnsFrom(data.of_runs)}</p>}
      {chosen.length > 0 && (
        <>
          <div className={styles.shownHead}>
            <span>{said.columnsShown}</span>
            <Button look="bare" onClick={() => onChoose(null)}>
              {said.columnsReset}
            </Button>
          </div>
          <ol className={styles.order}>
            {chosen.map((short, index) => (
              <li key={short}>
                <Name>{short.slice(2)}</Name>
                <Button look="bare" aria-label={said.left(short.slice(2))} off={index === 0} onClick={() => move(index, -1)}>
                  ←
                </Button>
                <Button look="bare" aria-label={said.right(short.slice(2))} off={index === chosen.length - 1} onClick={() => move(index, 1)}>
                  →
                </Button>
                <Button look="bare" aria-label={said.without(short.slice(2))} onClick={() => toggle(short, false)}>
                  ×
                </Button>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
