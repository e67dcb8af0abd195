/* What the page of a run asks for: the run, and more of its metrics, curves, folders and files as they are looked at. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { type Answer, address, read } from "@/api/client";
import { pageQuery } from "@/api/page";

export type RunAnswer = Answer<"/api/v1/pages/runs/{run_id}">;
export type Metrics = RunAnswer["metrics"];
export type MetricRow = Metrics["rows"][number];
export type Folder = RunAnswer["artifacts"];
export type CurveShown = Answer<"/api/v1/pages/curves">["curves"][number];
export type Preview = Answer<"/api/v1/pages/artifact">;
export type TablePart = NonNullable<Preview["table"]>;
export type TextPart = NonNullable<Preview["text"]>;

const MOVES = ["run.*", "task.*", "model.*", "version.*", "measured"] as const;

export const runQuery = (ws: string, id: string) =>
  pageQuery({ path: "/api/v1/pages/runs/{run_id}", workspace: ws, params: { run_id: id }, on: MOVES, runs: [id] });

export const curvesQuery = (ws: string, id: string, metrics: readonly string[], times: boolean) =>
  pageQuery({ path: "/api/v1/pages/curves", workspace: ws, query: { runs: id, metric: metrics, times: times || null }, on: ["measured"], runs: [id] });

/** Behind the metrics that the page brought: those that a search finds, or the next ones by name. */
export function useMoreMetrics(ws: string, id: string, first: Metrics, search: string, wanted: boolean) {
  const begin = search === "" ? (first.next ?? "") : "";
  const found = useInfiniteQuery({
    queryKey: ["run metrics", ws, id, search, begin],
    initialPageParam: begin,
    queryFn: ({ pageParam, signal }) =>
      read<Metrics>(address("/api/v1/pages/runs/{run_id}/metrics", ws, { run_id: id }, { search, after: pageParam }), signal),
    getNextPageParam: (last) => last.next ?? undefined,
    enabled: search !== "" || (wanted && first.next !== null),
    placeholderData: (before) => (search === "" ? undefined : before),
  });
  const pages = found.data?.pages ?? [];
  const rows = [...(search === "" ? first.rows : []), ...pages.flatMap((page) => page.rows)];
  const more = search === "" && pages.length === 0 ? first.next !== null : found.hasNextPage;
  return { rows, count: search === "" ? first.count : (pages[0]?.count ?? null), more, next: () => void found.fetchNextPage() };
}

const FOLDER = "/api/v1/pages/artifacts";
export const readFolder = (ws: string, place: string, after: string, signal?: AbortSignal): Promise<Folder> =>
  read<Folder>(address(FOLDER, ws, {}, { place, after }), signal);

/** `at`: from which byte of a text; -1 its end, null what the server shows first. */
export const previewQuery = (ws: string, run: string, place: string, at: number | null) =>
  pageQuery({ path: "/api/v1/pages/artifact", workspace: ws, query: { place, at }, on: ["measured"], runs: [run] });

export const shownAddress = (ws: string, place: string, digest: string): string => address("/api/v1/pages/artifact/shown", ws, {}, { place, of: digest });

export const downloadAddress = (ws: string, place: string): string =>
  `/w/${ws}/api/2.0/mlflow-artifacts/artifacts/${place.split("/").map(encodeURIComponent).join("/")}`;
