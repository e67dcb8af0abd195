/* The quality of the champion in each window with its interval against its bound; which windows break the promise; label coverage. */
import { useMemo } from "react";
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import { type HeatCell, HeatStrip } from "@/design/HeatStrip";
import { type ChartMark, type Curve, LineChart } from "@/design/LineChart";
import { Section } from "@/design/Page";
import { designWords } from "@/design/words";
import { pointAt, SYNC } from "./crosshair";
import { GapList } from "./GapList";
import { type Grid, gridOf, windowAt } from "./grid";
import page from "./MonitorsPage.module.css";
import type { Monitor, SignalWindow } from "./query";
import { WindowsTable } from "./WindowsTable";
import { inWords, monitorWords } from "./words";

interface QualityChartProps {
  ws: string;
  monitor: Monitor;
  axis: [number, number];
  marks: readonly ChartMark[];
  onRange: (range: [number, number] | null) => void;
}

export function QualityChart({ ws, monitor, axis, marks, onRange }: QualityChartProps) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const grid = useMemo(() => gridOf(monitor, axis[0], axis[1]), [monitor, axis]);
  const as = monitor.number === "fraction" ? "percent" : "number";
  const [figure, coverage] = useMemo(() => [figureCurves(monitor, grid, said.figure, said.bound), coverageCurves(monitor, grid, said.coverageHead)], [monitor, grid, said]);
  const shared = { marks, x: "business" as const, sync: SYNC, range: axis, onRange };
  const title = said.qualityTitle(monitor.name);
  const left = monitor.from_ms > axis[0] ? said.leftOut(say.day(monitor.from_ms, { utc: true })) : "";
  return (
    <Section title={title} note={[inWords(said.better, monitor.better), said.each(say.duration(monitor.step_ms)), left].filter((one) => one !== "").join(" · ")}>
      {monitor.windows.length === 0 && <p className={page.note}>{said.noWindows}</p>}
      <div className={page.chart}>
        <LineChart title={title} curves={figure} as={as} height={200} {...shared} />
      </div>
      <Verdicts monitor={monitor} grid={grid} axis={axis} />
      <div className={page.chart}>
        <p className={page.title}>{said.coverage}</p>
        <LineChart title={said.coverage} curves={coverage} as="percent" height={90} {...shared} />
      </div>
      <GapList monitor={monitor} ws={ws} />
      <WindowsTable monitor={monitor} ws={ws} />
    </Section>
  );
}

function over(monitor: Monitor, grid: Grid, of: (window: SignalWindow) => number | null): (number | null)[] {
  return grid.ends.map((_, index) => {
    const window = windowAt(monitor, grid, index);
    return window === undefined ? null : of(window);
  });
}

function figureCurves(monitor: Monitor, grid: Grid, figure: string, bound: string): Curve[] {
  const part = (name: "value" | "low" | "high" | "bound") => over(monitor, grid, (window) => window[name]);
  return [
    { id: "figure", name: figure, xs: grid.ends, ys: part("value"), low: part("low"), high: part("high"), colour: 0 },
    { id: "bound", name: bound, xs: grid.ends, ys: part("bound"), colour: 1 },
  ];
}

function coverageCurves(monitor: Monitor, grid: Grid, name: string): Curve[] {
  return [{ id: "coverage", name, xs: grid.ends, ys: over(monitor, grid, (window) => window.coverage), colour: 2 }];
}

/** One cell a window: a notch where it broke the promise, a dash where it is missing or says nothing. */
function Verdicts({ monitor, grid, axis }: { monitor: Monitor; grid: Grid; axis: [number, number] }) {
  const said = useWords(monitorWords);
  const { colon } = useWords(designWords);
  const say = useFormats();
  const cells = useMemo<HeatCell[]>(
    () =>
      grid.ends.map((end, index) => {
        const window = windowAt(monitor, grid, index);
        const broken = window?.verdict === "broken";
        return { id: String(end), level: window === undefined || window.verdict === "none" ? null : broken ? 5 : 0, broken };
      }),
    [monitor, grid],
  );
  const shown = (value: number | null) => (monitor.number === "fraction" ? say.percent(value, 2) : say.number(value, 4));
  const describe = (_: HeatCell, index: number) => {
    const at = said.window(say.exact(grid.ends[index] ?? 0, { utc: true, seconds: false }));
    const window = windowAt(monitor, grid, index);
    if (window === undefined) return `${at}${colon}${inWords(said.gaps, grid.reasons[index] ?? "")}`;
    const interval = window.low === null ? "" : ` [${shown(window.low)} ; ${shown(window.high)}]`;
    return `${at}${colon}${shown(window.value)}${interval}, ${said.bound} ${shown(window.bound)}${colon}${inWords(said.verdict, window.verdict)}, ${inWords(said.rules, window.because)}`;
  };
  const share = (ms: number) => `${((ms - axis[0]) / (axis[1] - axis[0])) * 100}%`;
  const end = grid.ends[grid.ends.length - 1] ?? grid.fromMs;
  return (
    <div className={page.strip}>
      <div className={page.name}>{said.verdicts}</div>
      <div>
        <div style={{ marginInlineStart: share(grid.fromMs), width: `calc(${share(end)} - ${share(grid.fromMs)})` }}>
          <HeatStrip label={`${said.verdicts}: ${monitor.name}`} cells={cells} describe={describe} height={14} onPoint={(index) => pointAt(index === null ? null : (grid.ends[index] ?? null))} />
        </div>
      </div>
    </div>
  );
}
