/* What the list of runs asks for: a first page with all that stands around it, then blocks of rows as they come into view.
 *
 * The list is that of the moment in which it was asked for. Runs that came since are counted in a note; runs that are seen and still
 * going are asked for again, and after a judgement those that have ended too. So nothing jumps while somebody reads.
 */
import { useCallback, useEffect, useMemo, useState } from "react";
import { type Answer, address, type Query, read } from "@/api/client";
import { pageQuery, useOld, usePage } from "@/api/page";
import { useValue, Value } from "@/api/store";

export type RunsAnswer = Answer<"/api/v1/pages/runs">;
export type RunRow = RunsAnswer["rows"][number];
export type RunColumn = RunsAnswer["columns"][number];
export type Wrong = NonNullable<RunsAnswer["wrong"]>;
type News = Answer<"/api/v1/pages/runs/news">;
export type Names = Answer<"/api/v1/pages/runs/columns">;

const BLOCK = 100;
const AT_ONCE = 2;
const AGAIN_MS = 2000;
const MOVES = ["run.*", "measured"] as const;
/** What the gates measured becomes metrics of a run that has ended. */
const JUDGED = ["gates.*"] as const;
/** Rows that one request may name. */
const NAMED = 200;
const NOTHING: readonly (RunRow | undefined)[] = [];

export interface Asked {
  filter: string;
  experiment: string;
  state: string;
  pipeline: string;
  tasks: boolean;
  sort: string;
  columns: string;
}

const PATH = "/api/v1/pages/runs";
const ask = (asked: Asked): Query => ({ ...asked, tasks: asked.tasks || null });

export function exportsOf(ws: string, asked: Asked, columns: string): Record<"CSV" | "JSON", string> {
  const form = (name: string) => address(`${PATH}/export`, ws, {}, { ...ask(asked), columns, form: name });
  return { CSV: form("csv"), JSON: form("json") };
}

/** Rows by position; what is not fetched yet is undefined. */
class Blocks {
  readonly rows: Value<readonly (RunRow | undefined)[]>;
  private readonly begins = new Map<number, string>();
  private readonly pending = new Set<number>();
  private seen: readonly [number, number] = [0, 0];
  private ended = false;

  constructor(
    private readonly ws: string,
    private readonly asked: Asked,
    private readonly first: RunsAnswer,
  ) {
    this.rows = new Value<readonly (RunRow | undefined)[]>(first.rows);
    if (first.next !== null) this.begins.set(1, first.next);
  }

  end = (): void => {
    this.ended = true;
  };

  begin = (): void => {
    this.ended = false;
  };

  see = (from: number, until: number): void => {
    this.seen = [from, until];
    this.fetch();
  };

  /** Rows that somebody sees. */
  inView = (): RunRow[] =>
    this.rows
      .get()
      .slice(...this.seen)
      .filter((row): row is RunRow => row !== undefined)
      .slice(0, NAMED);

  renew = (rows: readonly RunRow[]): void => {
    const byId = new Map(rows.map((row) => [row.id, row]));
    if (byId.size > 0) this.rows.set(this.rows.get().map((row) => (row === undefined ? row : (byId.get(row.id) ?? row))));
  };

  private fetch(): void {
    const [from, until] = this.seen;
    const total = this.first.count ?? 0;
    for (let block = Math.floor(from / BLOCK); block * BLOCK < Math.min(until, total); block += 1) {
      if (this.ended || this.pending.size >= AT_ONCE) return;
      if (this.rows.get()[block * BLOCK] === undefined && !this.pending.has(block)) void this.load(block);
    }
  }

  private async load(block: number): Promise<void> {
    this.pending.add(block);
    const after = this.begins.get(block);
    const columns = this.first.columns.map((one) => one.short).join(",");
    const query = { ...ask(this.asked), columns, until: this.first.newest, limit: BLOCK, ...(after ? { after } : { at: block * BLOCK }) };
    try {
      const found = await read<RunsAnswer>(address(PATH, this.ws, {}, query));
      if (this.ended) return;
      const rows = [...this.rows.get()];
      found.rows.forEach((row, index) => {
        rows[block * BLOCK + index] = row;
      });
      if (found.next !== null) this.begins.set(block + 1, found.next);
      this.rows.set(rows);
      this.pending.delete(block);
      this.fetch();
    } catch {
      // The banner says that the server is gone; what is missing is asked for again.
      setTimeout(() => {
        this.pending.delete(block);
        this.fetch();
      }, AGAIN_MS);
    }
  }
}

export interface Runs {
  answer: RunsAnswer;
  rows: readonly (RunRow | undefined)[];
  waiting: boolean;
  onSeen: (from: number, until: number) => void;
  /** Runs that came since; null where there are none. */
  news: { count: number; all: boolean } | null;
  refresh: () => void;
}

export function useRuns(ws: string, asked: Asked): Runs {
  const query = pageQuery({ path: PATH, workspace: ws, query: { ...ask(asked), limit: BLOCK }, on: [] });
  const still = { ...query, options: { ...query.options, staleTime: Number.POSITIVE_INFINITY, refetchOnMount: "always" as const } };
  const { data, waiting, refresh } = usePage(still);
  const [came, setCame] = useState<{ to: RunsAnswer; news: News } | null>(null);
  const blocks = useMemo(() => new Blocks(ws, asked, data), [data]);
  useEffect(() => {
    blocks.begin();
    return blocks.end;
  }, [blocks]);
  const look = useCallback(
    async (again: (row: RunRow) => boolean) => {
      if (data.wrong !== null) return;
      const columns = data.columns.map((one) => one.short).join(",");
      const ids = blocks.inView().filter(again).map((row) => row.id);
      const query = { ...ask(asked), columns, since: data.newest, ids: ids.join(",") };
      const news = await read<News>(address(`${PATH}/news`, ws, {}, query)).catch(() => null);
      if (news === null) return;
      blocks.renew(news.rows);
      setCame({ to: data, news });
    },
    [ws, data, blocks],
  );
  useOld({ workspace: ws, on: MOVES }, () => look((row) => row.ended_ms === null));
  useOld({ workspace: ws, on: JUDGED }, () => look(() => true));
  const rows = useValue(blocks.rows);
  const news = came !== null && came.to === data && came.news.count > 0 ? { count: came.news.count, all: came.news.counted_all } : null;
  return { answer: data, rows: data.count === 0 ? NOTHING : rows, waiting, onSeen: blocks.see, news, refresh };
}

/** Names that a column can have. */
export const namesOf = (ws: string, kind: RunColumn["kind"], search: string, signal: AbortSignal): Promise<Names> =>
  read<Names>(address(`${PATH}/columns`, ws, {}, { kind, search }), signal);
