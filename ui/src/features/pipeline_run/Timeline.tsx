/* What ran when: a row for each task, a bar for each attempt, the wait before it; windows of data one below the other, on one axis. */
import type { MouseEvent } from "react";
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import { useWallNow } from "@/design/Time";
import { useEvery } from "./every";
import type { Attempt, RunPage, Spot } from "./query";
import styles from "./Timeline.module.css";
import { pipelineWords } from "./words";

interface TimelineProps {
  ws: string;
  page: RunPage;
  window: string;
  chosen: string;
  onOpen: (task: string, window: string) => void;
}

interface Row {
  task: string;
  window: string;
  spot: Spot;
}

const TICKS = 5;
const NICE_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000];

export function Timeline({ ws, page, window, chosen, onOpen }: TimelineProps) {
  const said = useWords(pipelineWords);
  const say = useFormats();
  const now = useWallNow();
  const { run } = page;
  const began = useEvery(run.ended_wall_ms === null ? 1_000 : null);
  const rows = rowsOf(page);
  const from = run.queued_wall_ms;
  const live = run.state === "running" || run.state === "queued";
  const last = Math.max(from + 1, ...rows.flatMap((row) => row.spot.attempts.map((one) => one.ended_wall_ms ?? one.started_wall_ms)));
  const until = Math.max(last, run.ended_wall_ms ?? (live ? Math.max(now, page.wall_ms, began) : last));
  const across = (ms: number) => `${((ms - from) / (until - from)) * 100}%`;
  const ticks = ticksOf(until - from);
  const open = (event: MouseEvent) => {
    const link = (event.target as Element).closest<HTMLElement>("[data-task]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    onOpen(link.dataset.task ?? "", link.dataset.window ?? "");
  };
  return (
    <div className={styles.timeline} onClick={open} role="group" aria-label={said.timelineSays(rows.length)}>
      <div className={styles.axis}>
        <span className={styles.label}>{said.sinceQueued}</span>
        <div className={styles.track}>
          {ticks.map((at) => (
            <span key={at} className={styles.tick} style={{ left: across(from + at) }}>
              {at === 0 ? "0" : say.duration(at)}
            </span>
          ))}
        </div>
      </div>
      <div className={styles.rows} tabIndex={0} role="region" aria-label={said.timeline}>
        {run.first_wall_ms !== null && (
          <div className={styles.row}>
            <span className={styles.label}>{said.queuedFor}</span>
            <div className={styles.track}>
              <Grid ticks={ticks} from={from} across={across} />
              <span className={`${styles.bar} ${styles.waitBar}`} style={{ left: 0, width: across(run.first_wall_ms) }} title={say.duration(run.first_wall_ms - from)} />
            </div>
          </div>
        )}
        {page.windows.map((one) => (
          <div key={one} role="group" aria-label={one === "" ? said.allRows : one}>
            {page.windows.length > 1 && <div className={styles.window}>{one === "all" || one === "" ? said.allRows : one}</div>}
            {rows
              .filter((row) => row.window === one)
              .map((row) => (
                <div key={row.task} className={styles.row} data-chosen={(row.task === chosen && row.window === window) || undefined}>
                  <a href={to.steps(ws, run.run_id, { task: row.task, window: row.window })} className={styles.label} data-task={row.task} data-window={row.window} title={row.task}>
                    <bdi>{row.task}</bdi>
                  </a>
                  <div className={styles.track}>
                    <Grid ticks={ticks} from={from} across={across} />
                    {(row.spot.waited_ms ?? 0) > (until - from) / 200 && <Wait spot={row.spot} across={across} title={said.waited} />}
                    {row.spot.attempts.map((attempt) => (
                      <Bar key={attempt.task_id} row={row} attempt={attempt} until={until} across={across} />
                    ))}
                  </div>
                </div>
              ))}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Tasks that have begun, window by window, in the order in which they did. */
function rowsOf(page: RunPage): Row[] {
  const rows = page.nodes.flatMap((node) => node.spots.filter((spot) => spot.attempts.length > 0).map((spot) => ({ task: node.name, window: spot.window, spot })));
  const began = (row: Row) => row.spot.attempts[0]?.started_wall_ms ?? 0;
  return rows.sort((one, other) => began(one) - began(other));
}

function ticksOf(span: number): number[] {
  const step = NICE_MS.find((one) => span / one <= TICKS) ?? Math.ceil(span / TICKS / 86_400_000) * 86_400_000;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
}

type Across = (ms: number) => string;

function Grid({ ticks, from, across }: { ticks: readonly number[]; from: number; across: Across }) {
  return ticks.map((at) => <span key={at} className={styles.grid} style={{ left: across(from + at) }} />);
}

function Wait({ spot, across, title }: { spot: Spot; across: Across; title: string }) {
  const first = spot.attempts[0];
  const say = useFormats();
  if (!first || !spot.waited_ms) return null;
  const ready = first.started_wall_ms - spot.waited_ms;
  return <span className={styles.wait} style={{ left: across(ready), width: `calc(${across(first.started_wall_ms)} - ${across(ready)})` }} title={`${title}: ${say.duration(spot.waited_ms)}`} />;
}

function Bar({ row, attempt, until, across }: { row: Row; attempt: Attempt; until: number; across: Across }) {
  const said = useWords(pipelineWords);
  const say = useFormats();
  const end = attempt.ended_wall_ms ?? until;
  const took = say.duration(end - attempt.started_wall_ms);
  const title = said.bar(row.task, said.states[attempt.state], attempt.state === "cached" ? said.states.cached : took);
  const place = { left: across(attempt.started_wall_ms), width: `max(4px, calc(${across(end)} - ${across(attempt.started_wall_ms)}))` };
  return <span className={`${styles.bar} ${styles[attempt.state]}`} style={place} title={attempt.error ? `${title}. ${attempt.error_type}: ${attempt.error}` : title} />;
}
