/* Every request to the server goes through here. Paths and answers are typed by the server's own OpenAPI. */
import { errorOf, SignedOut, Unreachable } from "./error";
import { heard, silent } from "./presence";
import { Value } from "./store";
import type { paths } from "./types.gen";

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** Paths that can be read, and what reading each of them answers. */
export type Readable = {
  [Path in keyof paths]: paths[Path] extends { get: { responses: { 200: { content: { "application/json": unknown } } } } } ? Path : never;
}[keyof paths];
export type Answer<Path extends Readable> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

/** `/w/flights/api/v1/...`, with what stands in braces in the path, and the query without its empty parts. */
export function address(path: string, workspace: string | null, params: Record<string, string> = {}, query: Query = {}): string {
  const filled = path.replace(/\{(\w+)(?::path)?\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") asked.append(name, String(one));
    }
  }
  const said = asked.toString();
  return `${workspace === null ? "" : `/w/${workspace}`}${filled}${said ? `?${said}` : ""}`;
}

/** How often a request was refused because nobody is signed in any more. */
export const refusals = new Value(0);

/** One request. Raises Unreachable, SignedOut, RegieError. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    silent();
    throw new Unreachable(url);
  }
  const error = answer.ok ? null : await errorOf(answer, url);
  // What stands before a dead server answers in its place, and not in our words.
  if (error?.code.startsWith("http.") && [502, 503, 504].includes(answer.status)) {
    silent();
    throw new Unreachable(url);
  }
  heard();
  if (error === null) return answer;
  if (error instanceof SignedOut) refusals.set(refusals.get() + 1);
  throw error;
}

/** Read JSON. */
export async function read<Body>(url: string, signal?: AbortSignal): Promise<Body> {
  const answer = await request(url, { signal: signal ?? null, headers: { accept: "application/json" } });
  return (await answer.json()) as Body;
}

/** Send JSON and read what comes back; `null` where nothing does. */
export async function send<Body = unknown>(method: "POST" | "PUT" | "DELETE", url: string, body?: unknown): Promise<Body> {
  const answer = await request(url, {
    method,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return (text === "" ? null : JSON.parse(text)) as Body;
}
