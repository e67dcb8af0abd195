/* A short table (up to some hundred rows). On a phone each row becomes a stack of words and values. */
import { type ReactNode, useRef } from "react";
import type { Column, Sort } from "./columns";
import { Head } from "./Head";
import styles from "./Table.module.css";
import { useScrolls } from "./useScrolls";

interface TableProps<Row> {
  /** What it lists; said, not drawn. */
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  /** Instead of no rows. */
  empty?: ReactNode;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** The first column is the row's head. Default. */
  named?: boolean;
  /** Rows that stand out: the champion, the one that is open. */
  marked?: (row: Row) => boolean;
}

export function Table<Row>({ label, rows, columns, rowKey, empty, sort, onSort, named = true, marked }: TableProps<Row>) {
  const frame = useRef<HTMLDivElement>(null);
  const scrolls = useScrolls(frame);
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div ref={frame} className={styles.frame} {...(scrolls ? { tabIndex: 0, role: "region", "aria-label": label } : {})}>
      <table className={styles.table}>
        <caption className="sr">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className={marked?.(row) ? styles.marked : undefined}>
              {columns.map((column, index) => {
                const Cell = named && index === 0 ? "th" : "td";
                return (
                  <Cell key={column.id} scope={Cell === "th" ? "row" : undefined} data-head={column.head} className={column.align === "end" ? styles.end : undefined}>
                    <div className={styles.inside}>{column.cell(row)}</div>
                  </Cell>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
