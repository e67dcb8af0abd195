/* What the page of the audit log asks: a list by keyset with the state of the chain, and one record by its number. */
import { address, read, send } from "@/api/client";
import { type Keyset, useKeyset } from "@/api/keyset";
import type { components } from "@/api/types.gen";

type Schemas = components["schemas"];
export type AuditPage = Schemas["AuditPage"];
export type AuditRecord = Schemas["AuditRecord"];
export type Chain = Schemas["ChainShown"];
export type Verification = Schemas["VerificationShown"];

export interface Sought {
  actor: string;
  action: string;
  target: string;
  result: string;
  from_ms: number | undefined;
  to_ms: number | undefined;
  everywhere: boolean | undefined;
}

const PATH = "/api/v1/pages/audit";
const LIST = {
  on: ["*"],
  rowsOf: (body: AuditPage) => body.records,
  seqOf: (row: AuditRecord) => row.seq,
  olderOf: (body: AuditPage) => body.older,
  joined: (fresh: AuditPage, rows: readonly AuditRecord[]) => ({ ...fresh, records: [...rows] }),
} satisfies Partial<Keyset<AuditPage, AuditRecord>>;

export function useRecords(ws: string, sought: Sought, follow: boolean) {
  return useKeyset<AuditPage, AuditRecord>({ ...LIST, url: address(PATH, ws, {}, { ...sought }), workspace: ws, follow });
}

export const exportOf = (ws: string, sought: Sought, form: string) => address(`${PATH}/export`, ws, {}, { ...sought, form });

/** One record by its number; null where the caller does not see it. */
export async function recordOf(ws: string, seq: number, everywhere: boolean | undefined, signal?: AbortSignal): Promise<AuditRecord | null> {
  const found = await read<AuditPage>(address(PATH, ws, {}, { before: seq + 1, limit: 1, everywhere }), signal);
  return found.records[0]?.seq === seq ? found.records[0] : null;
}

/** How far a verification is, while it is under way. */
export const chainOf = (ws: string) => read<AuditPage>(address(PATH, ws, {}, { limit: 1 })).then((page) => page.chain);

export const verify = (ws: string, path: string) => send("POST", address(path, ws), {});
