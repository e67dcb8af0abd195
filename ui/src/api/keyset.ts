/* A list that the server gives by pages of a keyset, the newest first: older pages as they are asked for, new rows put before it as they come. */
import { type InfiniteData, useQueryClient, useSuspenseInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useDeferredValue } from "react";
import { read } from "./client";
import { type Kind, useOld } from "./page";

export interface Keyset<Body, Row> {
  /** The address without `before` and `after`. */
  url: string;
  workspace: string | null;
  on: readonly Kind[];
  rowsOf: (body: Body) => readonly Row[];
  seqOf: (row: Row) => number;
  olderOf: (body: Body) => number | null;
  /** The same answer with new rows before its own. */
  joined: (fresh: Body, rows: readonly Row[]) => Body;
  /** Follow what happens. */
  follow: boolean;
}

export interface KeysetShown<Body, Row> {
  /** The first page, with what came since before it. */
  first: Body;
  rows: readonly Row[];
  /** One more than `rows` while there are older ones. */
  total: number;
  waiting: boolean;
  /** Fetch what is missing near these positions. */
  onSeen: (from: number, until: number) => void;
  refresh: () => void;
}

/** This near the end of what is there, the next page is fetched. */
const NEAR = 30;
/** So many new rows at once, and the list begins again. */
const MANY = 200;

const withSeq = (url: string, name: string, seq: number | null) => (seq === null ? url : `${url}${url.includes("?") ? "&" : "?"}${name}=${seq}`);

export function useKeyset<Body, Row>(asked: Keyset<Body, Row>): KeysetShown<Body, Row> {
  const url = useDeferredValue(asked.url);
  const client = useQueryClient();
  const found = useSuspenseInfiniteQuery({
    queryKey: ["keyset", url],
    queryFn: ({ pageParam, signal }) => read<Body>(withSeq(url, "before", pageParam), signal),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => asked.olderOf(last),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const { pages } = found.data;
  const rows = pages.flatMap(asked.rowsOf);
  const first = pages[0] as Body;
  const refresh = async (): Promise<void> => {
    const newest = asked.rowsOf(first)[0];
    const key = ["keyset", url];
    if (newest === undefined) return client.invalidateQueries({ queryKey: key });
    const fresh = await read<Body>(withSeq(url, "after", asked.seqOf(newest))).catch(() => null);
    if (fresh === null) return undefined; // `presence` says that the server is gone
    const came = asked.rowsOf(fresh);
    if (came.length >= MANY) return client.resetQueries({ queryKey: key });
    client.setQueryData<InfiniteData<Body, number | null>>(key, (before) => {
      const [old, ...rest] = before?.pages ?? [];
      if (before === undefined || old === undefined) return before;
      const known = new Set(asked.rowsOf(old).map(asked.seqOf));
      const added = came.filter((row) => !known.has(asked.seqOf(row)));
      return { ...before, pages: [asked.joined(fresh, [...added, ...asked.rowsOf(old)]), ...rest] };
    });
    return undefined;
  };
  useOld({ workspace: asked.workspace, on: asked.follow ? asked.on : [] }, refresh);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = found;
  const count = rows.length;
  const onSeen = useCallback(
    (_: number, until: number) => {
      if (hasNextPage && !isFetchingNextPage && until >= count - NEAR) void fetchNextPage();
    },
    [hasNextPage, isFetchingNextPage, fetchNextPage, count],
  );
  return { first, rows, total: count + (hasNextPage ? 1 : 0), waiting: url !== asked.url, onSeen, refresh: () => void refresh() };
}
