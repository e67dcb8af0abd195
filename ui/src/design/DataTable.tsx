/* A long table: only the rows that are seen are drawn, the server sorts, and what is not fetched yet is asked for as it comes into view.
 *
 * It is a real table for a screen reader, with the number of all rows and of each. 10,000 rows scroll at the pace of the screen: rows are
 * of one height and drawn once.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useEffect, useRef } from "react";
import { useWords } from "@/app/i18n";
import type { Column, Sort } from "./columns";
import styles from "./DataTable.module.css";
import { Head } from "./Head";
import { designWords } from "./words";

interface DataTableProps<Row> {
  label: string;
  /** By position; `undefined` is not fetched yet. */
  rows: readonly (Row | undefined)[];
  /** All that there are, where `rows` are the first of them. */
  total?: number;
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  sort?: Sort | undefined;
  onSort?: (sort: Sort) => void;
  /** Positions that are seen, from and until (exclusive): fetch what is missing there. */
  onSeen?: (from: number, until: number) => void;
  /** Which are chosen, where rows can be: by their keys. */
  chosen?: ReadonlySet<string>;
  onChoose?: (key: string, chosen: boolean) => void;
  /** Of a row, for its box. */
  rowName?: (row: Row) => string;
  empty?: ReactNode;
  /** Of the table in CSS; it scrolls inside itself. */
  maxHeight?: string;
  rowHeight?: number;
}

const WIDTH = 140;
const BOX = 32;
/** Rows that are drawn before they are seen: each costs a quarter of a millisecond of a frame. */
const BEYOND = 6;

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, rows, total = rows.length, columns, rowKey, sort, onSort, onSeen, chosen, onChoose, rowName, empty } = props;
  const { maxHeight = "calc(100dvh - 15rem)", rowHeight = 32 } = props;
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: total, getScrollElement: () => frame.current, estimateSize: () => rowHeight, overscan: BEYOND, useFlushSync: false });
  const items = virtual.getVirtualItems();
  const from = items[0]?.index ?? 0;
  const until = (items[items.length - 1]?.index ?? -1) + 1;
  useEffect(() => {
    if (until > from) onSeen?.(from, until);
  }, [from, until, onSeen]);
  // Another order begins at its top.
  const order = sort && `${sort.by}${sort.down}`;
  useEffect(() => {
    frame.current?.scrollTo({ top: 0 });
  }, [order]);
  if (total === 0 && empty !== undefined) return <>{empty}</>;
  const width = columns.reduce((sum, one) => sum + (one.width ?? WIDTH), chosen ? BOX : 0);
  const span = columns.length + (chosen ? 1 : 0);
  return (
    // A part that scrolls must be reachable by keyboard.
    <div ref={frame} className={styles.frame} style={{ maxHeight }} role="region" aria-label={label} tabIndex={0}>
      <table className={styles.table} style={{ minWidth: width }} aria-rowcount={total + 1} aria-colcount={span}>
        <caption className="sr">{label}</caption>
        <colgroup>
          {chosen && <col style={{ width: BOX }} />}
          {columns.map((column) => (
            <col key={column.id} style={{ width: column.width ?? WIDTH }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {chosen && <td className={styles.corner} />}
            {columns.map((column, index) => (
              <Head key={column.id} column={column} sort={sort} onSort={onSort} index={index + (chosen ? 2 : 1)} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap height={items[0]?.start ?? 0} span={span} />
          {items.map((item) => (
            <MemoRow
              key={item.index}
              row={rows[item.index] as object | undefined}
              index={item.index}
              height={rowHeight}
              columns={columns as readonly Column<unknown>[]}
              rowKey={rowKey as (row: unknown) => string}
              rowName={rowName as ((row: unknown) => string) | undefined}
              chosen={chosen && rows[item.index] !== undefined ? chosen.has(rowKey(rows[item.index] as Row)) : chosen && false}
              onChoose={onChoose}
            />
          ))}
          <Gap height={virtual.getTotalSize() - (items[items.length - 1]?.end ?? 0)} span={span} />
        </tbody>
      </table>
    </div>
  );
}

/** The room of the rows that are not drawn. */
function Gap({ height, span }: { height: number; span: number }) {
  return height > 0 ? (
    <tr aria-hidden="true" className={styles.gap}>
      <td colSpan={span} style={{ height }} />
    </tr>
  ) : null;
}

interface RowProps {
  row: unknown;
  index: number;
  height: number;
  columns: readonly Column<unknown>[];
  rowKey: (row: unknown) => string;
  rowName: ((row: unknown) => string) | undefined;
  chosen: boolean | undefined;
  onChoose: ((key: string, chosen: boolean) => void) | undefined;
}

const MemoRow = memo(function Row({ row, index, height, columns, rowKey, rowName, chosen, onChoose }: RowProps) {
  const said = useWords(designWords);
  return (
    <tr aria-rowindex={index + 2} style={{ height }} className={chosen ? styles.chosen : undefined} aria-selected={chosen}>
      {chosen !== undefined && (
        <td>
          {row !== undefined && (
            <input
              type="checkbox"
              checked={chosen}
              aria-label={said.selectRow(rowName?.(row) ?? rowKey(row))}
              onChange={(event) => onChoose?.(rowKey(row), event.target.checked)}
            />
          )}
        </td>
      )}
      {columns.map((column) => (
        <td key={column.id} className={column.align === "end" ? styles.end : undefined}>
          {row === undefined ? <span className={styles.soon} /> : column.cell(row)}
        </td>
      ))}
    </tr>
  );
});
