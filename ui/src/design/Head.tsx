/* The head of a column: a word, or a button that has the server sort by it. */
import { useWords } from "@/app/i18n";
import { type Column, nextSort, type Sort } from "./columns";
import styles from "./Head.module.css";
import { designWords } from "./words";

interface HeadProps<Row> {
  column: Column<Row>;
  sort?: Sort | undefined;
  onSort?: ((sort: Sort) => void) | undefined;
  index?: number;
}

export function Head<Row>({ column, sort, onSort, index }: HeadProps<Row>) {
  const said = useWords(designWords);
  const by = column.sort;
  const sorted = by !== undefined && sort?.by === by;
  return (
    <th
      scope="col"
      className={column.align === "end" ? styles.end : styles.head}
      aria-sort={sorted ? (sort.down ? "descending" : "ascending") : undefined}
      aria-colindex={index}
      title={column.hint}
    >
      {by !== undefined && onSort ? (
        <button type="button" className={styles.sort} onClick={() => onSort(nextSort(sort, by))} title={said.sortBy(column.head)}>
          <bdi>{column.head}</bdi>
          <span aria-hidden="true" className={sorted ? styles.arrow : styles.noArrow}>
            {sorted && !sort.down ? "↑" : "↓"}
          </span>
        </button>
      ) : (
        <bdi>{column.head}</bdi>
      )}
    </th>
  );
}
