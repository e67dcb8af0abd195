/* Columns of a table, long or short. */
import type { ReactNode } from "react";

export interface Column<Row> {
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  /** Figures stand at the end, so that they align. */
  align?: "start" | "end";
  /** In a long table, pixels; 140 where nothing is said. */
  width?: number;
  /** What the server sorts by; without it, it does not. */
  sort?: string;
  /** Explains the head. */
  hint?: string;
}

export interface Sort {
  by: string;
  down: boolean;
}

/** What a click on a head asks for: first downwards, then upwards, then the other way again. */
export function nextSort(sort: Sort | undefined, by: string): Sort {
  return { by, down: sort?.by === by ? !sort.down : true };
}

/** `-start` and `start`, as a query has it. */
export function sortText(sort: Sort): string {
  return `${sort.down ? "-" : ""}${sort.by}`;
}

export function sortOf(text: string): Sort {
  return { by: text.replace(/^-/, ""), down: text.startsWith("-") };
}
