/* Counts or shares by class or bin, of one or two series beside each other: before and after. */
import { useId } from "react";
import { useWords } from "@/app/i18n";
import { type As, shown } from "./Figure";
import { type Maybe, useFormats } from "./formats";
import styles from "./Bars.module.css";
import { designWords } from "./words";

export interface BarSeries {
  name: string;
  values: readonly Maybe[];
}

interface BarsProps {
  /** What it shows, for a screen reader and above the table. */
  title: string;
  /** Of the bins, in their order. */
  labels: readonly string[];
  series: readonly BarSeries[];
  as?: As;
  height?: number;
}

const WIDTH = 1000;
const GAP = 0.18;

export function Bars({ title, labels, series, as = "number", height = 120 }: BarsProps) {
  const say = useFormats();
  const said = useWords(designWords);
  const id = useId();
  const most = Math.max(1e-12, ...series.flatMap((one) => one.values.map((value) => value ?? 0)));
  const step = WIDTH / Math.max(1, labels.length);
  const wide = (step * (1 - GAP)) / Math.max(1, series.length);
  return (
    <figure className={styles.bars}>
      {series.length > 1 && (
        <ul className={styles.legend} aria-hidden="true">
          {series.map((one, which) => (
            <li key={one.name}>
              <span className={which === 0 ? styles.first : styles.second} /> <bdi>{one.name}</bdi>
            </li>
          ))}
        </ul>
      )}
      <svg viewBox={`0 0 ${WIDTH} ${height}`} height={height} preserveAspectRatio="none" role="img" aria-label={title} aria-describedby={id}>
        {series.map((one, which) =>
          one.values.map((value, index) => {
            const tall = ((value ?? 0) / most) * (height - 2);
            return (
              <rect
                key={`${one.name}${labels[index]}${index}`}
                className={which === 0 ? styles.first : styles.second}
                x={index * step + (step * GAP) / 2 + which * wide}
                width={Math.max(1, wide)}
                y={height - tall}
                height={tall}
              >
                <title>{`${labels[index]} · ${one.name}: ${shown(say, value, as)}`}</title>
              </rect>
            );
          }),
        )}
        <line className={styles.ground} x1="0" x2={WIDTH} y1={height} y2={height} />
      </svg>
      <div className={styles.ends} aria-hidden="true">
        <bdi>{labels[0]}</bdi>
        <bdi>{labels.length > 1 ? labels[labels.length - 1] : ""}</bdi>
      </div>
      <details id={id} className={styles.table}>
        <summary>{said.asTable}</summary>
        <table>
          <caption className="sr">{title}</caption>
          <thead>
            <tr>
              <td />
              {series.map((one) => (
                <th key={one.name} scope="col">
                  <bdi>{one.name}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {labels.map((label, index) => (
              <tr key={`${label}${index}`}>
                <th scope="row">
                  <bdi>{label}</bdi>
                </th>
                {series.map((one) => (
                  <td key={one.name}>{shown(say, one.values[index], as)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
