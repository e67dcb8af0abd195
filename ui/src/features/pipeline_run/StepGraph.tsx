/* The graph of a run: columns of tasks, lines between what gives and what takes, states that change as they happen. */
import { type KeyboardEvent, memo, type MouseEvent, useEffect, useMemo, useRef, useState } from "react";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useUrlText } from "@/app/url";
import { Button } from "@/design/Button";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Mark } from "@/design/State";
import { designWords } from "@/design/words";
import { type Box, CELL, HEAD, layoutOf, type Layout, type Line, PER_ROW } from "./layout";
import type { Spot, TaskNode } from "./query";
import { TONES } from "./states";
import styles from "./StepGraph.module.css";
import { pipelineWords } from "./words";

interface StepGraphProps {
  ws: string;
  run: string;
  nodes: readonly TaskNode[];
  window: string;
  chosen: string;
  onOpen: (task: string) => void;
}

const SMALLEST = 0.2;
const LARGEST = 1.5;
/** A large graph begins as large as it can be read, and is scrolled. */
const READABLE = 0.8;
const STEP = 1.25;

export function StepGraph({ ws, run, nodes, window, chosen, onOpen }: StepGraphProps) {
  const said = useWords(pipelineWords);
  // Where tasks stand depends on the graph alone: a state that changes moves nothing.
  const shape = nodes.map((node) => `${node.name}<${node.takes.join(",")}`).join(";");
  const layout = useMemo(() => layoutOf(nodes), [shape]);
  const spots = useMemo(() => new Map(nodes.map((node) => [node.name, spotOf(node, window)] as const)), [nodes, window]);
  const frame = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useUrlText("zoom");
  const [fitting, setFitting] = useState(1);
  const scale = Math.min(LARGEST, Math.max(SMALLEST, Number(zoom) || fitting));
  const fitted = (smallest: number) => {
    const box = frame.current;
    return box ? Math.max(smallest, Math.min(1, box.clientWidth / layout.width, MOST_PX / layout.height)) : 1;
  };
  const scaleTo = (wanted: number) => setZoom(String(Number(wanted.toFixed(2))), { replace: true });
  useEffect(() => setFitting(fitted(READABLE)), [layout]);
  useEffect(() => {
    bring(frame.current);
  }, [chosen, scale]);
  const open = (event: MouseEvent) => {
    const name = (event.target as Element).closest<HTMLElement>("[data-task]")?.dataset.task;
    if (name === undefined || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    onOpen(name);
  };
  return (
    <div className={styles.graph}>
      <div className={styles.tools}>
        <Button look="bare" aria-label={said.zoomOut} onClick={() => scaleTo(Math.max(SMALLEST, scale / STEP))}>
          −
        </Button>
        <Button look="bare" aria-label={said.zoomIn} onClick={() => scaleTo(Math.min(LARGEST, scale * STEP))}>
          +
        </Button>
        <Button look="bare" onClick={() => scaleTo(fitted(SMALLEST))}>
          {said.fit}
        </Button>
      </div>
      <div className={styles.frame} ref={frame} role="group" aria-label={said.graphSays(nodes.length, layout.columns)} onClick={open} onKeyDown={stepBetween}>
        <div className={styles.room} style={{ width: layout.width * scale, height: layout.height * scale }}>
          <div className={styles.plane} style={{ width: layout.width, height: layout.height, transform: `scale(${scale})` }}>
            <Lines layout={layout} spots={spots} chosen={chosen} />
            {layout.boxes.map((box) => (
              <BoxOf key={box.key} box={box} ws={ws} run={run} window={window} chosen={chosen} spots={spots} first={layout.boxes.find((one) => one.dataset === null)?.key ?? ""} />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

const MOST_PX = 560;
const EDGE_PX = 40;

/** Scroll the graph, and not the page, to the task that is looked at; else to what failed or runs. */
function bring(frame: HTMLElement | null): void {
  const task = frame?.querySelector('[aria-current="true"], [data-state="failed"], [data-state="retrying"], [data-state="running"]');
  if (!frame || !task) return;
  const [seen, at] = [frame.getBoundingClientRect(), task.getBoundingClientRect()];
  if (at.left < seen.left || at.right > seen.right) frame.scrollLeft += at.left - seen.left - (at.left < seen.left ? EDGE_PX : seen.width / 3);
  if (at.top < seen.top || at.bottom > seen.bottom) frame.scrollTop += at.top - seen.top - EDGE_PX;
}

export function spotOf(node: TaskNode, window: string): Spot | undefined {
  return node.spots.find((one) => one.window === window) ?? node.spots[0];
}

/** How long the attempts at a task took together; null before it has ended. */
export function tookMs(spot: Spot | undefined): number | null {
  const [first, last] = [spot?.attempts[0], spot?.attempts[spot.attempts.length - 1]];
  return first && last && last.ended_wall_ms !== null && spot?.state !== "cached" ? last.ended_wall_ms - first.started_wall_ms : null;
}

interface BoxProps {
  box: Box;
  ws: string;
  run: string;
  window: string;
  chosen: string;
  spots: ReadonlyMap<string, Spot | undefined>;
  /** The key of the box that the keyboard comes to first. */
  first: string;
}

function BoxOf(props: BoxProps) {
  const { box, ws } = props;
  const place = { left: box.x, top: box.y, width: box.width, height: box.height };
  if (box.dataset !== null) {
    return (
      <Go to={to.dataset(ws, box.dataset)} className={styles.dataset} style={place}>
        <bdi>{box.dataset}</bdi>
      </Go>
    );
  }
  return box.tasks.length === 1 ? <OneTask {...props} place={place} /> : <Siblings {...props} place={place} />;
}

type Placed = BoxProps & { place: { left: number; top: number; width: number; height: number } };

function OneTask({ box, ws, run, window, chosen, spots, first, place }: Placed) {
  const say = useFormats();
  const said = useWords(pipelineWords);
  const task = box.tasks[0] as TaskNode;
  const spot = spots.get(task.name);
  const state = spot?.state ?? "waiting";
  const took = tookMs(spot);
  const many = spot?.attempts.length ?? 0;
  const isChosen = chosen === task.name;
  return (
    <a
      href={to.steps(ws, run, { task: task.name, window })}
      className={`${styles.box} ${styles[state]}`}
      style={place}
      data-task={task.name}
      data-state={state}
      aria-current={isChosen || undefined}
      tabIndex={isChosen || (chosen === "" && first === box.key) ? 0 : -1}
      title={task.name}
    >
      <bdi className={styles.name}>{task.name}</bdi>
      <span className={styles.beside}>
        <Mark tone={TONES[state]} />
        <span>{said.states[state]}</span>
        {took !== null && <span className={styles.took}>{say.duration(took)}</span>}
        {many > 1 && <span className={styles.took}>{said.times(many)}</span>}
      </span>
    </a>
  );
}

function Siblings({ box, ws, run, window, chosen, spots, first, place }: Placed) {
  const said = useWords(pipelineWords);
  const step = box.step.split(":").pop() ?? box.step;
  const holdsChosen = box.tasks.some((task) => task.name === chosen);
  return (
    <div className={styles.block} style={place} role="group" aria-label={`${step}, ${said.tasksOf(box.tasks.length)}`}>
      <div className={styles.blockHead} style={{ height: HEAD }}>
        <bdi className={styles.name}>{step}</bdi>
        <span className={styles.took}>{said.times(box.tasks.length)}</span>
      </div>
      <div className={styles.cells} style={{ gridTemplateColumns: `repeat(${PER_ROW}, ${CELL}px)`, gridAutoRows: `${CELL}px` }}>
        {box.tasks.map((task, index) => {
          const state = spots.get(task.name)?.state ?? "waiting";
          const isChosen = task.name === chosen;
          const reached = isChosen || (index === 0 && !holdsChosen && chosen === "" && first === box.key);
          return <Cell key={task.name} href={to.steps(ws, run, { task: task.name, window })} name={task.name} state={state} word={said.states[state]} chosen={isChosen} reached={reached} />;
        })}
      </div>
    </div>
  );
}

interface CellProps {
  href: string;
  name: string;
  state: Spot["state"];
  word: string;
  chosen: boolean;
  reached: boolean;
}

const Cell = memo(function Cell({ href, name, state, word, chosen, reached }: CellProps) {
  const label = `${name}${useWords(designWords).colon}${word}`;
  return (
    <a href={href} className={styles.cell} data-task={name} data-state={state} aria-current={chosen || undefined} tabIndex={reached ? 0 : -1} title={label} aria-label={label}>
      <Mark tone={TONES[state]} />
    </a>
  );
});

function Lines({ layout, spots, chosen }: { layout: Layout; spots: ReadonlyMap<string, Spot | undefined>; chosen: string }) {
  return (
    <svg className={styles.lines} width={layout.width} height={layout.height} aria-hidden="true">
      {layout.lines.map((line) => (
        <path key={line.key} d={course(line)} className={lookOf(line, spots, chosen)} />
      ))}
    </svg>
  );
}

function lookOf(line: Line, spots: ReadonlyMap<string, Spot | undefined>, chosen: string): string | undefined {
  const holds = (box: Box) => box.tasks.some((task) => task.name === chosen);
  if (chosen !== "" && (holds(line.from) || holds(line.to))) return styles.lineChosen;
  const begun = line.to.tasks.some((task) => (spots.get(task.name)?.attempts.length ?? 0) > 0);
  return begun ? styles.line : styles.lineAhead;
}

function course({ from, to: into }: Line): string {
  const [x0, y0, x1, y1] = [from.x + from.width, from.y + from.height / 2, into.x, into.y + into.height / 2];
  const bend = Math.max(20, (x1 - x0) / 2);
  return `M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`;
}

/** Up and down among the tasks in their order, left and right to the nearest in the next column. */
function stepBetween(event: KeyboardEvent<HTMLDivElement>): void {
  const move = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  const here = (event.target as Element).closest<HTMLElement>("[data-task]");
  if (!move || !here) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-task]")];
  const [dx, dy] = move as [number, number];
  nearest(all, here, dx, dy)?.focus();
}

function nearest(all: readonly HTMLElement[], here: HTMLElement, dx: number, dy: number): HTMLElement | undefined {
  if (dx === 0) return all[all.indexOf(here) + dy];
  const at = here.getBoundingClientRect();
  let best: [number, HTMLElement] | undefined;
  for (const one of all) {
    const place = one.getBoundingClientRect();
    const ahead = (place.left - at.left) * dx;
    if (ahead < 4) continue;
    const far = ahead + Math.abs(place.top - at.top) * 2;
    if (!best || far < best[0]) best = [far, one];
  }
  return best?.[1];
}
