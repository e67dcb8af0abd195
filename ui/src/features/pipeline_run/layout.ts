/* Where the tasks of a graph stand: columns by what they wait for, and siblings of one step as one block.
 *
 * A graph of 200 tasks is nearly always a few steps called many times. Four or more tasks of one step in one column are drawn as a block
 * of cells, so that such a graph has some ten boxes and not two hundred.
 */
import type { TaskNode } from "./query";

export interface Box {
  key: string;
  /** Of a dataset its name, and no tasks. */
  dataset: string | null;
  step: string;
  tasks: TaskNode[];
  column: number;
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Line {
  key: string;
  from: Box;
  to: Box;
}
export interface Layout {
  boxes: Box[];
  lines: Line[];
  columns: number;
  width: number;
  height: number;
}

export const CELL = 14;
export const PER_ROW = 11;
export const HEAD = 26;
const WIDTH = 176;
const NARROW = 128;
const FLAT = 30;
const HEIGHT = 46;
const GAP_X = 44;
const GAP_Y = 14;
const PAD = 12;
const SIBLINGS = 4;
const SWEEPS = 4;

export function layoutOf(nodes: readonly TaskNode[]): Layout {
  const given = [...new Set(nodes.flatMap((node) => node.datasets))];
  const column = columnsOf(nodes, given.length > 0 ? 1 : 0);
  const data = given.map((name): Box => ({ key: ` ${name}`, dataset: name, step: "", tasks: [], column: 0, x: 0, y: 0, width: NARROW, height: FLAT }));
  const boxes = [...data, ...boxesOf(nodes, column)];
  const owner = new Map(boxes.flatMap((box) => (box.dataset === null ? box.tasks.map((task) => [task.name, box] as const) : [[` ${box.dataset}`, box] as const])));
  const lines = linesOf(nodes, owner);
  return placed(ordered(boxes, lines), lines);
}

/** The longest way from a task that takes nothing of another. Nodes come after what they take. */
function columnsOf(nodes: readonly TaskNode[], first: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const node of nodes) found.set(node.name, Math.max(first - 1, ...node.takes.map((one) => found.get(one) ?? first - 1)) + 1);
  return found;
}

function boxesOf(nodes: readonly TaskNode[], column: ReadonlyMap<string, number>): Box[] {
  const siblings = new Map<string, TaskNode[]>();
  for (const node of nodes) {
    const key = `${column.get(node.name) ?? 0} ${node.step}`;
    siblings.set(key, [...(siblings.get(key) ?? []), node]);
  }
  return [...siblings].flatMap(([key, tasks]) => {
    const at = Number(key.split(" ")[0]);
    const box = (tasks: TaskNode[], height: number): Box => ({
      key: tasks[0]?.name ?? key, dataset: null, step: tasks[0]?.step ?? "", tasks, column: at, x: 0, y: 0, width: WIDTH, height,
    });
    if (tasks.length < SIBLINGS) return tasks.map((task) => box([task], HEIGHT));
    return [box(tasks, HEAD + Math.ceil(tasks.length / PER_ROW) * CELL + 8)];
  });
}

function linesOf(nodes: readonly TaskNode[], owner: ReadonlyMap<string, Box>): Line[] {
  const found = new Map<string, Line>();
  for (const node of nodes) {
    for (const name of [...node.takes, ...node.datasets.map((one) => ` ${one}`)]) {
      const [from, to] = [owner.get(name), owner.get(node.name)];
      if (from && to && from !== to) found.set(`${from.key}>${to.key}`, { key: `${from.key}>${to.key}`, from, to });
    }
  }
  return [...found.values()];
}

/** Each column's boxes so that few lines cross: each box near the middle of its neighbours, forth and back a few times. */
function ordered(boxes: readonly Box[], lines: readonly Line[]): Box[][] {
  const count = Math.max(0, ...boxes.map((box) => box.column)) + 1;
  const columns: Box[][] = Array.from({ length: count }, (_, at) => boxes.filter((box) => box.column === at));
  const [before, behind] = [neighbours(lines, "to", "from"), neighbours(lines, "from", "to")];
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forth = sweep % 2 === 0;
    const places = new Map(columns.flatMap((column) => column.map((box, index) => [box, index / Math.max(1, column.length - 1)] as const)));
    for (const column of forth ? columns : [...columns].reverse()) {
      const weight = new Map(column.map((box) => [box, middle((forth ? before : behind).get(box), places, places.get(box) ?? 0)]));
      column.sort((one, other) => (weight.get(one) ?? 0) - (weight.get(other) ?? 0));
      column.forEach((box, index) => places.set(box, index / Math.max(1, column.length - 1)));
    }
  }
  return columns;
}

function neighbours(lines: readonly Line[], of: "from" | "to", who: "from" | "to"): Map<Box, Box[]> {
  const found = new Map<Box, Box[]>();
  for (const line of lines) found.set(line[of], [...(found.get(line[of]) ?? []), line[who]]);
  return found;
}

function middle(boxes: readonly Box[] | undefined, places: ReadonlyMap<Box, number>, otherwise: number): number {
  if (!boxes || boxes.length === 0) return otherwise;
  return boxes.reduce((sum, box) => sum + (places.get(box) ?? 0), 0) / boxes.length;
}

function placed(columns: readonly (readonly Box[])[], lines: Line[]): Layout {
  const heights = columns.map((column) => column.reduce((sum, box) => sum + box.height + GAP_Y, -GAP_Y));
  const tallest = Math.max(0, ...heights);
  let x = PAD;
  columns.forEach((column, at) => {
    let y = PAD + (tallest - (heights[at] ?? 0)) / 2;
    for (const box of column) {
      box.x = x;
      box.y = y;
      y += box.height + GAP_Y;
    }
    x += Math.max(0, ...column.map((box) => box.width)) + GAP_X;
  });
  return { boxes: columns.flat(), lines, columns: columns.length, width: x - GAP_X + PAD, height: tallest + 2 * PAD };
}
