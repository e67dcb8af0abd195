/* One data hook a page: what it asks for, and which events make that old. */
import { queryOptions, type QueryKey, QueryClient, type UseSuspenseQueryOptions, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef } from "react";
import { type Answer, address, type Query, read, type Readable } from "./client";
import { RegieError } from "./error";
import { listen, type Message } from "./stream";

/** A page that many events concern is fetched again after a pause: so many times what the last answer took, and within these bounds. */
const SPARING = 5;
const [SOONEST_MS, LATEST_MS] = [100, 1000] as const;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => !(error instanceof RegieError) && count < 2,
      refetchOnWindowFocus: true,
      refetchOnReconnect: false, // `presence` says when the server is back
      structuralSharing: true,
    },
  },
});

/** Type of event, `rollout.*`, or `*`; `measured` for runs that grow. */
export type Kind = string;

export interface Asked<Path extends Readable> {
  path: Path;
  /** null: over all workspaces. */
  workspace: string | null;
  params?: Record<string, string>;
  query?: Query;
  /** What makes the answer old. */
  on: readonly Kind[];
  /** Only these runs' measurements concern it. */
  runs?: readonly string[];
}

export interface PageQuery<Body> {
  options: UseSuspenseQueryOptions<Body, Error, Body, QueryKey>;
  url: string;
  workspace: string | null;
  on: readonly Kind[];
  runs?: readonly string[] | undefined;
}

/** What a page shows: one GET, typed by its path. */
export function pageQuery<Path extends Readable>(asked: Asked<Path>): PageQuery<Answer<Path>> {
  const url = address(asked.path, asked.workspace, asked.params, asked.query);
  return pageQueryOf<Answer<Path>>(url, asked.workspace, asked.on, asked.runs);
}

/** The same, for an address whose answer is not in the OpenAPI. */
export function pageQueryOf<Body>(url: string, workspace: string | null, on: readonly Kind[], runs?: readonly string[]): PageQuery<Body> {
  const options = queryOptions({ queryKey: [url], queryFn: ({ signal }) => read<Body>(url, signal) });
  return { options: options as PageQuery<Body>["options"], url, workspace, on, runs };
}

export interface Shown<Body> {
  data: Body;
  /** When the server said so, in wall time of the browser. */
  asOf: number;
  /** Something else was asked for, and what stands here is still the old. */
  waiting: boolean;
  refresh: () => void;
}

/** The page's answer, kept fresh by the events that it names. Suspends until it is there; raises RegieError where it never was. */
export function usePage<Body>(asked: PageQuery<Body>): Shown<Body> {
  // A changed filter or order leaves the old rows where they are until the new ones have come.
  const byUrl = useMemo(() => asked, [asked.url]);
  const shown = useDeferredValue(byUrl);
  const { data, dataUpdatedAt } = useSuspenseQuery(shown.options);
  const client = useQueryClient();
  const fetchAgain = useMemo(() => () => client.invalidateQueries({ queryKey: shown.options.queryKey }), [client, shown]);
  const refresh = useCallback(() => void fetchAgain(), [fetchAgain]);
  useOld(asked, fetchAgain);
  return { data, asOf: dataUpdatedAt, waiting: shown.url !== asked.url, refresh };
}

/** Call `refresh` when one of the events comes, at once and then with pauses; a hidden tab does when it is seen again. */
export function useOld(asked: Pick<PageQuery<unknown>, "workspace" | "on" | "runs">, refresh: () => Promise<unknown>): void {
  const now = useRef({ asked, refresh });
  useEffect(() => {
    now.current = { asked, refresh };
  });
  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined;
    let next = 0;
    let fetching = false;
    let owed = false; // what came while it was fetched, or while nobody looked
    let ended = false;
    const fetchAgain = async () => {
      due = undefined;
      owed = document.hidden;
      if (owed) return;
      fetching = true;
      const began = Date.now();
      await now.current.refresh().catch(() => undefined);
      const done = Date.now();
      next = done + Math.min(Math.max(SPARING * (done - began), SOONEST_MS), LATEST_MS);
      fetching = false;
      if (owed) owe();
    };
    const owe = () => {
      if (fetching) owed = true;
      else if (!ended) due ??= setTimeout(() => void fetchAgain(), Math.max(0, next - Date.now()));
    };
    const seen = () => {
      if (!document.hidden && owed) owe();
    };
    const unlisten = listen((message) => {
      if (concerns(message, now.current.asked)) owe();
    });
    document.addEventListener("visibilitychange", seen);
    return () => {
      ended = true;
      clearTimeout(due);
      unlisten();
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);
}

function concerns(message: Message, asked: Pick<PageQuery<unknown>, "workspace" | "on" | "runs">): boolean {
  if (message.kind === "lost") return true;
  if (message.kind !== "event" && message.kind !== "measured") return false;
  if (asked.workspace !== null && message.workspace !== asked.workspace) return false;
  if (message.kind === "measured") {
    return asked.on.includes("measured") && (asked.runs === undefined || asked.runs.some((run) => message.runs.includes(run)));
  }
  return asked.on.some((kind) => kind === "*" || kind === message.type || (kind.endsWith(".*") && message.type.startsWith(kind.slice(0, -1))));
}
