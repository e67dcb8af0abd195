/* What a chart shows, as a table: of each curve where it began, ended, and how far it went; and its marks. */
import { useState } from "react";
import { useWords } from "@/app/i18n";
import styles from "./ChartTable.module.css";
import type { Maybe } from "./formats";
import { designWords } from "./words";

interface ChartTableProps {
  title: string;
  curves: readonly { id: string; name: string; xs: readonly number[]; ys: readonly Maybe[] }[];
  marks: readonly { id: string; x: number; label: string }[];
  show: (value: Maybe) => string;
  at: (x: number) => string;
}

export function ChartTable(props: ChartTableProps) {
  const said = useWords(designWords);
  const [open, setOpen] = useState(false);
  return (
    <details className={styles.table} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{said.asTable}</summary>
      {open && <Inside {...props} />}
    </details>
  );
}

function Inside({ title, curves, marks, show, at }: ChartTableProps) {
  const said = useWords(designWords);
  return (
    <div className={styles.frame} tabIndex={0} role="region" aria-label={title}>
      <table>
        <caption className="sr">{title}</caption>
        <thead>
          <tr>
            {[said.series, said.from, said.until, said.last, said.lowest, said.highest].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {curves.map((one) => {
            const known = one.ys.filter((value): value is number => Number.isFinite(value));
            return (
              <tr key={one.id}>
                <th scope="row">
                  <bdi>{one.name}</bdi>
                </th>
                <td>{one.xs[0] === undefined ? "–" : at(one.xs[0])}</td>
                <td>{one.xs.length === 0 ? "–" : at(one.xs[one.xs.length - 1] as number)}</td>
                <td>{show(known[known.length - 1])}</td>
                <td>{show(known.length ? known.reduce((a, b) => Math.min(a, b)) : null)}</td>
                <td>{show(known.length ? known.reduce((a, b) => Math.max(a, b)) : null)}</td>
              </tr>
            );
          })}
          {marks.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                {said.mark}: <bdi>{one.label}</bdi>
              </th>
              <td colSpan={5}>{at(one.x)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
