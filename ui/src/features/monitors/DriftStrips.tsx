/* Feature by window: how strange each is, which windows break the promise, who was champion, and what happened. */
import { useCallback, useMemo, useRef } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrl } from "@/app/url";
import { Name } from "@/design/Code";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { type HeatCell, HeatStrip } from "@/design/HeatStrip";
import type { ChartMark } from "@/design/LineChart";
import { Section } from "@/design/Page";
import { designWords } from "@/design/words";
import { pointAt, usePointed } from "./crosshair";
import styles from "./DriftStrips.module.css";
import { GapList } from "./GapList";
import { type Grid, gridOf, windowAt } from "./grid";
import page from "./MonitorsPage.module.css";
import type { Monitor, Reign, StripRow } from "./query";
import { WindowsTable } from "./WindowsTable";
import { inWords, monitorWords, type Said } from "./words";

interface DriftStripsProps {
  ws: string;
  model: string;
  monitor: Monitor;
  reigns: readonly Reign[];
  axis: [number, number];
  marks: readonly ChartMark[];
}

export function DriftStrips({ ws, model, monitor, reigns, axis, marks }: DriftStripsProps) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const grid = useMemo(() => gridOf(monitor, axis[0], axis[1]), [monitor, axis]);
  const overall = useMemo(() => overallCells(monitor, grid), [monitor, grid]);
  const box = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const describeAt = useRef<(ms: number) => string>(() => "");
  describeAt.current = (ms) => readoutText(monitor, grid, ms, said, say);
  const onPointed = useCallback(
    (ms: number | null) => {
      const at = box.current;
      if (at === null) return;
      const share = ms === null ? null : (ms - axis[0]) / (axis[1] - axis[0]);
      at.style.setProperty("--at", share === null || share < 0 || share > 1 ? "-1" : String(share));
      at.dataset.pointed = share === null || share < 0 || share > 1 ? "no" : "yes";
      if (readout.current) readout.current.textContent = ms === null ? "" : describeAt.current(ms);
    },
    [axis],
  );
  usePointed(onPointed);
  const lead = useCallback(
    (index: number | null) => {
      const ms = index === null ? null : (grid.ends[index] ?? null);
      pointAt(ms);
      onPointed(ms);
    },
    [grid, onPointed],
  );
  const note = said.driftNote(monitor.needed, monitor.of, say.duration(monitor.over_ms));
  return (
    <Section title={monitor.name === "drift(top)" ? said.driftTitle : `${said.driftTitle} · ${monitor.name}`} note={note} tools={<Legend said={said} />}>
      <div className={styles.strips} ref={box} data-pointed="no">
        <p className={styles.readout} ref={readout} aria-hidden="true" />
        <Champions ws={ws} model={model} reigns={reigns} axis={axis} />
        <Row label={said.all} hint={said.allHint} grid={grid} axis={axis} cells={overall} describe={(index) => describeWindow(monitor, grid, index, said, say)} lead={lead} />
        {monitor.features.map((row) => (
          <FeatureStrip key={row.name} monitor={monitor} row={row} grid={grid} axis={axis} lead={lead} />
        ))}
        <MarkLines marks={marks} axis={axis} />
        <div className={styles.cross} aria-hidden="true" />
      </div>
      {monitor.windows.length === 0 && <p className={page.note}>{said.noWindows}</p>}
      <GapList monitor={monitor} ws={ws} />
      <WindowsTable monitor={monitor} ws={ws} />
    </Section>
  );
}

function Row(props: {
  label: string; hint: string; grid: Grid; axis: [number, number]; cells: readonly HeatCell[]; describe: (index: number) => string;
  lead: (index: number | null) => void; onOpen?: (index: number) => void; open?: string | null; count?: string;
}) {
  const { label, hint, grid, axis, cells, describe, lead, onOpen, open = null, count } = props;
  const share = (ms: number) => `${((ms - axis[0]) / (axis[1] - axis[0])) * 100}%`;
  const end = grid.ends[grid.ends.length - 1] ?? grid.fromMs;
  return (
    <div className={page.strip}>
      <div className={`${page.name} ${styles.feature}`} title={hint}>
        <Name>{label}</Name>
        {count !== undefined && <span className={styles.times}>{count}</span>}
      </div>
      <div className={styles.cells}>
        <div style={{ marginInlineStart: share(grid.fromMs), width: `calc(${share(end)} - ${share(grid.fromMs)})` }}>
          <HeatStrip label={label} cells={cells} describe={(_, index) => describe(index)} onPoint={lead} open={open} onOpen={(_, index) => onOpen?.(index)} />
        </div>
      </div>
    </div>
  );
}

function FeatureStrip({ monitor, row, grid, axis, lead }: { monitor: Monitor; row: StripRow; grid: Grid; axis: [number, number]; lead: (index: number | null) => void }) {
  const said = useWords(monitorWords);
  const { colon } = useWords(designWords);
  const say = useFormats();
  const [search, change] = useUrl();
  const cells = useMemo<HeatCell[]>(
    () => grid.ends.map((end, index) => ({ id: String(end), level: row.levels[grid.places[index] ?? -1] ?? null })),
    [grid, row],
  );
  const describe = (index: number) => {
    const at = said.window(say.exact(grid.ends[index] ?? 0, { utc: true, seconds: false }));
    const value = row.values[grid.places[index] ?? -1];
    if (value !== undefined && value !== null) return `${row.name}, ${at}${colon}${said.value(say.number(value, 2), say.number(monitor.bound))}`;
    const reason = grid.reasons[index];
    return `${row.name}, ${at}${colon}${reason === undefined ? said.notKept : inWords(said.gaps, reason)}`;
  };
  const onOpen = (index: number) => {
    if ((row.values[grid.places[index] ?? -1] ?? null) === null) return;
    change({ feature: row.name, window: String(grid.ends[index]), monitor: monitor.name === "drift(top)" ? "" : monitor.name });
  };
  const mine = search.feature === row.name ? (search.window ?? null) : null;
  return (
    <Row
      label={row.name}
      hint={`${row.name}${colon}${said.strange(row.strange)}`}
      count={say.whole(row.strange)}
      grid={grid}
      axis={axis}
      cells={cells}
      describe={describe}
      lead={lead}
      onOpen={onOpen}
      open={mine}
    />
  );
}

/** The strangest feature of each window. */
function overallCells(monitor: Monitor, grid: Grid): HeatCell[] {
  return grid.ends.map((end, index) => {
    const place = grid.places[index] ?? -1;
    const window = monitor.windows[place];
    const levels = monitor.features.map((row) => row.levels[place] ?? null).filter((one) => one !== null);
    const level = levels.length ? (Math.max(...levels) as HeatCell["level"]) : null;
    return { id: String(end), level: window === undefined ? null : level, broken: window?.verdict === "broken" };
  });
}

type Say = ReturnType<typeof useFormats>;

function describeWindow(monitor: Monitor, grid: Grid, index: number, said: Said, say: Say): string {
  const at = said.window(say.exact(grid.ends[index] ?? 0, { utc: true, seconds: false }));
  const window = windowAt(monitor, grid, index);
  if (window === undefined) return `${at}: ${inWords(said.gaps, grid.reasons[index] ?? "")}`;
  const parts = [say.number(window.value, 2), window.alarm ? said.alarm : "", inWords(said.rules, window.because), window.verdict === "broken" ? said.broken : ""];
  return `${at}: ${parts.filter((one) => one !== "").join(", ")}`;
}

function readoutText(monitor: Monitor, grid: Grid, ms: number, said: Said, say: Say): string {
  const index = Math.min(grid.ends.length - 1, Math.max(0, Math.ceil((ms - grid.fromMs) / grid.stepMs) - 1));
  return grid.ends.length === 0 ? "" : describeWindow(monitor, grid, index, said, say);
}

/** Who was champion when. */
function Champions({ ws, model, reigns, axis }: { ws: string; model: string; reigns: readonly Reign[]; axis: [number, number] }) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const share = (ms: number) => ((Math.min(Math.max(ms, axis[0]), axis[1]) - axis[0]) / (axis[1] - axis[0])) * 100;
  return (
    <div className={page.strip}>
      <div className={page.name}>{said.champion}</div>
      <div className={styles.reigns}>
        {reigns.map((one) => {
          const [from, until] = [share(one.from_ms), share(one.to_ms ?? axis[1])];
          const when = `${say.day(one.from_ms, { utc: true })} – ${one.to_ms === null ? "" : say.day(one.to_ms, { utc: true })} UTC`;
          return (
            <div key={one.from_ms} className={styles.reign} style={{ insetInlineStart: `${from}%`, width: `${until - from}%` }}>
              <Go to={to.model(ws, model, { version: one.version })} title={`${model}@${one.version}, ${when}`}>
                @{one.version}
              </Go>
            </div>
          );
        })}
        {reigns.length === 0 && <span className={page.note}>{said.noChampion}</span>}
      </div>
    </div>
  );
}

/** The marks of the charts, across the strips. */
function MarkLines({ marks, axis }: { marks: readonly ChartMark[]; axis: [number, number] }) {
  return (
    <div className={styles.marks} aria-hidden="true">
      {marks.map((one) => (
        <span key={one.id} className={styles[one.tone ?? "quiet"]} style={{ insetInlineStart: `${((one.x - axis[0]) / (axis[1] - axis[0])) * 100}%` }} title={one.label} />
      ))}
    </div>
  );
}

function Legend({ said }: { said: Said }) {
  return (
    <span className={styles.legend}>
      {said.legend}
      {[said.usual, "", "", said.aboveBound, "", said.farAbove].map((text, level) => (
        <span key={level} className={styles.level}>
          <svg width="14" height="10" aria-hidden="true">
            <rect width="14" height="10" style={{ fill: `var(--heat-${level})` }} />
          </svg>
          {text}
        </span>
      ))}
    </span>
  );
}
