/* What the page of events asks: a list by keyset, and the walk of one event. */
import { address } from "@/api/client";
import { pageQuery } from "@/api/page";
import type { components } from "@/api/types.gen";
import { type Keyset, useKeyset } from "@/api/keyset";

type Schemas = components["schemas"];
export type EventsPage = Schemas["EventsPage"];
export type EventRow = Schemas["EventShown"];
export type WalkLink = Schemas["WalkLink"];

export interface Sought {
  type: readonly string[];
  without: readonly string[];
  subject: string;
  correlation: string;
  from_ms: number | undefined;
  to_ms: number | undefined;
}

const LIST = {
  on: ["*"],
  rowsOf: (body: EventsPage) => body.events,
  seqOf: (row: EventRow) => row.seq,
  olderOf: (body: EventsPage) => body.older,
  joined: (fresh: EventsPage, rows: readonly EventRow[]) => ({ ...fresh, events: [...rows] }),
} satisfies Partial<Keyset<EventsPage, EventRow>>;

export function useEvents(ws: string, sought: Sought, follow: boolean) {
  return useKeyset<EventsPage, EventRow>({ ...LIST, url: address("/api/v1/pages/events", ws, {}, { ...sought }), workspace: ws, follow });
}

export const exportOf = (ws: string, sought: Sought, form: string) => address("/api/v1/pages/events/export", ws, {}, { ...sought, form });

/** What it led to grows. */
export const walkQuery = (ws: string, id: string) =>
  pageQuery({ path: "/api/v1/pages/events/{identity}/walk", workspace: ws, params: { identity: id }, on: ["*"] });
