/* Courses over time or steps, drawn by uPlot on a canvas: a hundred curves of a thousand points are drawn within 60 ms.
 *
 * Charts with the same `sync` share their crosshair. Events stand in it as marks. What it shows is also there as a table.
 */
import { useMantineColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Language, useLanguage, useWords } from "@/app/i18n";
import { ChartTable } from "./ChartTable";
import { type As, shown } from "./Figure";
import { type Formats, type Maybe, useFormats } from "./formats";
import styles from "./LineChart.module.css";
import { designWords } from "./words";

export interface Curve {
  id: string;
  name: string;
  xs: readonly number[];
  ys: readonly Maybe[];
  /** An interval around it. */
  low?: readonly Maybe[];
  high?: readonly Maybe[];
  /** Its place among the colours; else its position. */
  colour?: number;
  quiet?: boolean;
}
export interface ChartMark {
  id: string;
  x: number;
  /** In a word or two. */
  label: string;
  tone?: "good" | "bad" | "needs" | "quiet";
}
export interface ChartBound {
  y: number;
  label: string;
}

interface LineChartProps {
  title: string;
  curves: readonly Curve[];
  marks?: readonly ChartMark[];
  bounds?: readonly ChartBound[];
  /** What `x` is: business time (UTC), wall time (the browser's zone), or a number such as a step. */
  x?: "business" | "wall" | "number";
  as?: As;
  decimals?: number;
  height?: number;
  /** Charts of one name share their crosshair. */
  sync?: string;
  /** The stretch that all charts of a page show, whatever each has. */
  range?: readonly [number, number];
  logarithmic?: boolean;
  /** A stretch was drawn with the pointer; without it, it zooms into itself. Double click goes back. */
  onRange?: (range: [number, number] | null) => void;
}

const COLOURS = 6;
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];
/** More than these have no words of their own below; the one that is pointed at is named. */
export const NAMED = 12;

export function LineChart(props: LineChartProps) {
  const { title, curves, marks = [], x = "number", as = "number", decimals, height = 220 } = props;
  const said = useWords(designWords);
  const { language } = useLanguage();
  const say = useFormats();
  const { colorScheme } = useMantineColorScheme();
  const box = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(props);
  now.current = props;
  const prepared = useRef(0); // ms
  const data = useMemo(() => {
    const since = performance.now();
    const made = aligned(curves);
    prepared.current = performance.now() - since;
    return made;
  }, [curves]);
  // What needs another chart; anything else only other data.
  const shape = JSON.stringify([
    curves.map((one) => [one.id, one.name, one.low !== undefined, one.colour, one.quiet]), language, colorScheme, as, decimals, height, x, props.sync, props.logarithmic, props.bounds,
  ]);
  const drawn = useRef(data);
  useEffect(() => {
    const at = box.current;
    if (at === null) return;
    const read = (made: uPlot) => readout.current && readOut(readout.current, made, now.current, say);
    const since = performance.now() - prepared.current;
    const made = new uPlot(optionsOf(now, at.clientWidth, language, say, read), drawn.current, at);
    // uPlot draws in the next microtask; this one comes behind it. Tests read how long it took.
    queueMicrotask(() => performance.measure("chart.drawn", { start: since }));
    plot.current = made;
    // A canvas does not draw again by itself when the letters have come.
    if (document.fonts.status !== "loaded") void document.fonts.ready.then(() => plot.current === made && made.redraw(false));
    const follow = new ResizeObserver(() => made.setSize({ width: at.clientWidth, height: now.current.height ?? 220 }));
    follow.observe(at);
    return () => {
      follow.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    if (drawn.current === data) return;
    drawn.current = data;
    plot.current?.setData(data, props.range === undefined);
  }, [data]);
  const [from, until] = props.range ?? [];
  const ranged = useRef(`${from} ${until}`); // the first one is drawn already
  useEffect(() => {
    if (ranged.current === `${from} ${until}`) return;
    ranged.current = `${from} ${until}`;
    if (from !== undefined && until !== undefined) plot.current?.setScale("x", { min: from, max: until });
    else plot.current?.setData(drawn.current, true);
  }, [from, until]);
  const markKey = marks.map((one) => one.id + one.x).join();
  useEffect(() => plot.current?.redraw(false), [markKey]);
  const points = curves.reduce((sum, one) => sum + one.xs.length, 0);
  return (
    <figure className={styles.figure}>
      <div className={styles.readout} ref={readout} aria-hidden="true" />
      <div ref={box} className={styles.plot} style={{ height }} role="img" aria-label={said.chart(title, curves.length, points)} />
      {curves.length > 1 && curves.length <= NAMED && (
        <ul className={styles.legend}>
          {curves.map((one, index) => (
            <li key={one.id}>
              <Swatch of={one} index={index} /> <bdi>{one.name}</bdi>
            </li>
          ))}
        </ul>
      )}
      <ChartTable title={title} curves={curves} marks={marks} show={(value) => shown(say, value, as, decimals)} at={(value) => xText(say, value, x)} />
    </figure>
  );
}

function Swatch({ of, index }: { of: Curve; index: number }) {
  return (
    <svg width="18" height="8" aria-hidden="true" className={styles.swatch}>
      <line x1="0" x2="18" y1="4" y2="4" stroke={`var(--series-${placeOf(of, index) + 1})`} strokeWidth="2" strokeDasharray={dashOf(of, index).join(" ")} />
    </svg>
  );
}

const placeOf = (curve: Curve, index: number): number => (curve.colour ?? index) % COLOURS;
const dashOf = (curve: Curve, index: number): number[] => DASHES[Math.floor((curve.colour ?? index) / COLOURS) % DASHES.length] as number[];

/** Columns as uPlot has them: one x, then each curve, then the edges of its interval. Curves that share their x are taken as they are. */
function aligned(curves: readonly Curve[]): uPlot.AlignedData {
  const first = curves[0]?.xs ?? [];
  const columns = curves.flatMap((one) => (one.low && one.high ? [one.ys, one.high, one.low] : [one.ys]));
  const same = curves.every((one) => one.xs === first || alike(one.xs, first));
  if (same) return [first, ...columns] as unknown as uPlot.AlignedData;
  const tables = curves.map((one) => [one.xs, ...(one.low && one.high ? [one.ys, one.high, one.low] : [one.ys])] as unknown as uPlot.AlignedData);
  return uPlot.join(tables);
}

/** A plain loop: a hundred curves of a thousand points are compared each time they are drawn. */
function alike(one: readonly number[], other: readonly number[]): boolean {
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return one.length === other.length;
}

function optionsOf(
  now: { readonly current: LineChartProps },
  width: number,
  language: Language,
  say: Formats,
  read: (made: uPlot) => void,
): uPlot.Options {
  const { curves, x = "number", as = "number", decimals, height = 220, sync, logarithmic = false, range } = now.current;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = `12px ${colour("--font")}`;
  const many = curves.length > NAMED;
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  curves.forEach((one, index) => {
    const stroke = colour(one.quiet ? "--ink-faint" : `--series-${placeOf(one, index) + 1}`);
    const lone = one.ys.filter((value) => value !== null && value !== undefined).length < 3;
    series.push({ label: one.name, stroke, width: many ? 1 : 1.5, dash: many ? [] : dashOf(one, index), points: { show: lone, size: 5 }, spanGaps: x === "number" });
    if (one.low && one.high) {
      const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
      bands.push({ series: [series.length, series.length + 1], fill: `color-mix(in srgb, ${stroke} 16%, transparent)` });
      series.push({ ...edge }, { ...edge });
    }
  });
  const axis = { stroke: colour("--ink-3"), font, grid: { stroke: colour("--hairline"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    ms: 1,
    ...(x === "business" ? { tzDate: (ms: number) => uPlot.tzDate(new Date(ms), "Etc/UTC") } : {}),
    scales: {
      x: { time: x !== "number", ...(range ? { min: range[0], max: range[1] } : {}) },
      y: { distr: logarithmic ? 3 : 1, range: rangeOf(now) },
    },
    axes: [
      { ...axis, size: 32, values: (_, splits) => ticksOf(splits, x, language, say), space: x === "number" ? 60 : 80 },
      { ...axis, size: 62, values: (_, splits) => splits.map((one) => (one === null ? "" : shown(say, one, as, as === "number" ? undefined : decimals))) },
    ],
    series,
    bands,
    legend: { show: false },
    focus: { alpha: many ? 0.15 : 0.4 },
    cursor: {
      y: false,
      points: { show: !many },
      focus: { prox: many ? 24 : -1 },
      drag: { x: true, y: false, setScale: now.current.onRange === undefined },
      ...(sync === undefined ? {} : { sync: { key: sync, setSeries: false } }),
    },
    hooks: {
      draw: [(made) => drawMarks(made, now.current, colour, font)],
      setCursor: [read],
      setSeries: [read],
      setSelect: [
        (made) => {
          const { onRange } = now.current;
          if (onRange === undefined || made.select.width < 4) return;
          const at = (pixel: number) => made.posToVal(pixel, "x");
          onRange([at(made.select.left), at(made.select.left + made.select.width)]);
          made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      ready: [
        (made) => {
          made.over.addEventListener("dblclick", () => now.current.onRange?.(null));
        },
      ],
    },
  };
}

/** Values and bounds are seen, with a little air; a course without any change is a line in the middle. */
function rangeOf(now: { readonly current: LineChartProps }): uPlot.Range.Function {
  return (_, low, high) => {
    const bounds = (now.current.bounds ?? []).map((one) => one.y);
    const known = [low, high, ...bounds].filter((one): one is number => Number.isFinite(one));
    if (known.length === 0) return [0, 1];
    const [from, to] = [Math.min(...known), Math.max(...known)];
    if (now.current.logarithmic) return [Math.max(from, Number.MIN_VALUE) * 0.9, to * 1.1];
    const air = (to - from || Math.abs(to) || 1) * 0.06;
    return [from >= 0 && from - air < 0 ? 0 : from - air, to + air];
  };
}

const DAY = 86_400_000;

function ticksOf(splits: readonly number[], x: LineChartProps["x"], language: Language, say: Formats): string[] {
  if (x === "number") return splits.map((one) => say.number(one));
  const step = (splits[1] ?? 0) - (splits[0] ?? 0);
  const parts: Intl.DateTimeFormatOptions =
    step >= 300 * DAY ? { year: "numeric" }
    : step >= 27 * DAY ? { month: "short", year: "numeric" }
    : step >= DAY ? { day: "numeric", month: "short" }
    : step >= 60_000 ? { hour: "2-digit", minute: "2-digit" }
    : { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const format = new Intl.DateTimeFormat(language === "fr" ? "fr-FR" : "en-GB", { ...parts, ...(x === "business" ? { timeZone: "UTC" } : {}) });
  return splits.map((one) => format.format(one));
}

function xText(say: Formats, value: number, x: LineChartProps["x"]): string {
  return x === "number" ? say.number(value) : say.exact(value, { utc: x === "business", seconds: false });
}

const TONES = { good: "--better", bad: "--worse", needs: "--needs", quiet: "--ink-3" } as const;

/** Bounds are dashed lines with their words; marks are lines with a flag at the top. */
function drawMarks(made: uPlot, { marks = [], bounds = [] }: LineChartProps, colour: (name: string) => string, font: string): void {
  const { ctx, bbox } = made;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = ratio;
  ctx.font = font.replace("12px", `${11 * ratio}px`);
  for (const one of bounds) {
    const y = made.valToPos(one.y, "y", true);
    ctx.strokeStyle = ctx.fillStyle = colour("--ink-2");
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    line(ctx, bbox.left, y, bbox.left + bbox.width, y);
    ctx.textAlign = "right";
    const above = y - bbox.top > 16 * ratio;
    ctx.textBaseline = above ? "bottom" : "top";
    words(ctx, one.label, bbox.left + bbox.width - 4 * ratio, y + (above ? -3 : 4) * ratio, colour("--paper"), 3 * ratio);
  }
  ctx.setLineDash([]);
  for (const one of marks) {
    const at = Math.round(made.valToPos(one.x, "x", true)) + 0.5;
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(TONES[one.tone ?? "quiet"]);
    ctx.globalAlpha = 0.75;
    line(ctx, at, bbox.top, at, bbox.top + bbox.height);
    ctx.globalAlpha = 1;
    flag(ctx, at, bbox.top, ratio, one.tone ?? "quiet");
  }
  ctx.restore();
}

/** Readable also where a curve runs behind them. */
function words(ctx: CanvasRenderingContext2D, text: string, x: number, y: number, paper: string, around: number): void {
  const { lineWidth, strokeStyle } = ctx;
  ctx.setLineDash([]);
  Object.assign(ctx, { lineWidth: around, strokeStyle: paper, lineJoin: "round" });
  ctx.strokeText(text, x, y);
  Object.assign(ctx, { lineWidth, strokeStyle });
  ctx.fillText(text, x, y);
}

function line(ctx: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  ctx.beginPath();
  ctx.moveTo(fromX, fromY);
  ctx.lineTo(toX, toY);
  ctx.stroke();
}

/** The shapes of `State`: a ball is good, a triangle bad, a diamond needs somebody, a square is a mark. */
function flag(ctx: CanvasRenderingContext2D, x: number, top: number, ratio: number, tone: NonNullable<ChartMark["tone"]>): void {
  const size = 4 * ratio;
  const y = top + size + ratio;
  ctx.beginPath();
  if (tone === "good") ctx.arc(x, y, size, 0, 2 * Math.PI);
  else if (tone === "quiet") ctx.rect(x - size * 0.8, y - size * 0.8, size * 1.6, size * 1.6);
  else {
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, tone === "bad" ? y + size : y);
    if (tone === "needs") ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, tone === "bad" ? y + size : y);
  }
  ctx.fill();
}

/** Where the crosshair stands: the moment, the values there, and the marks nearby. Written straight into the page, at the pace of the pointer. */
function readOut(at: HTMLElement, made: uPlot, props: LineChartProps, say: Formats): void {
  const { curves, marks = [], x = "number", as = "number", decimals } = props;
  const index = made.cursor.idx;
  const left = made.cursor.left ?? -1;
  if (index === null || index === undefined || left < 0) return at.replaceChildren();
  const parts = [xText(say, made.data[0][index] as number, x)];
  let column = 0;
  const focused = (made as uPlot & { focusedSeries?: number }).series.findIndex((one, which) => which > 0 && (one as { _focus?: boolean })._focus === true);
  const all = curves.map((one) => {
    column += 1;
    const mine = column;
    if (one.low && one.high) column += 2;
    return { one, mine };
  });
  const named = curves.length > NAMED ? all.filter(({ mine }) => mine === focused) : all;
  for (const { one, mine } of named) {
    const value = made.data[mine]?.[index];
    if (value !== null && value !== undefined) parts.push(`${curves.length > 1 ? `${one.name} ` : ""}${shown(say, value, as, decimals)}`);
  }
  const near = marks.filter((one) => Math.abs(made.valToPos(one.x, "x") - left) < 6);
  at.replaceChildren(
    ...[...parts, ...near.map((one) => one.label)].map((text) => {
      const part = document.createElement("bdi");
      part.textContent = text;
      return part;
    }),
  );
}
