/* Where every thing of the control room is found. Pages link to each other by these, and never import each other. */
const part = encodeURIComponent;

type Said = Record<string, string | number | readonly string[] | null | undefined>;

/** A path with its query; lists are parted by commas, what is empty is left out. */
export function withQuery(path: string, said: Said = {}): string {
  const asked = Object.entries(said)
    .map(([name, value]) => [name, Array.isArray(value) ? inList(value) : value] as const)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${inQuery(String(value))}`);
  return asked.length ? `${path}?${asked.join("&")}` : path;
}

/** What may stand in a query as it is, so that addresses stay short and can be read. */
export function inQuery(value: string): string {
  return part(value).replace(/%(2C|3A|40|2F|3D|20)/g, (_, code: string) => (code === "20" ? "+" : code === "3D" ? "=" : decodeURIComponent(`%${code}`)));
}

export function inList(values: readonly string[]): string {
  return values.map((one) => one.replace(/[%,]/g, part)).join(",");
}

export function outOfList(value: string): string[] {
  return value === "" ? [] : value.split(",").map((one) => one.replace(/%(25|2C)/g, (code) => decodeURIComponent(code)));
}

const at = (workspace: string, rest: string) => `/w/${workspace}${rest}`;

export const to = {
  home: () => "/",
  review: () => "/review",
  signIn: (from?: string) => withQuery("/sign-in", { next: from }),
  model: (ws: string, name: string, said: { version?: string | number; beside?: string | number } = {}) =>
    withQuery(at(ws, `/models/${part(name)}`), said),
  rollouts: (ws: string) => at(ws, "/rollouts"),
  rollout: (ws: string, id: string) => at(ws, `/rollouts/${id}`),
  /** `version`: `MODEL@3`. */
  reviewOf: (ws: string, version: string) => at(ws, `/review/${part(version).replace("%40", "@")}`),
  runs: (ws: string, said: Said = {}) => withQuery(at(ws, "/runs"), said),
  run: (ws: string, id: string, said: Said = {}) => withQuery(at(ws, `/runs/${id}`), said),
  compare: (ws: string, runs: readonly string[], said: Said = {}) => withQuery(at(ws, "/compare"), { runs, ...said }),
  steps: (ws: string, run: string, said: { task?: string; window?: string } = {}) => withQuery(at(ws, `/runs/${run}/steps`), said),
  pipelines: (ws: string) => at(ws, "/pipelines"),
  monitors: (ws: string, said: Said = {}) => withQuery(at(ws, "/monitors"), said),
  datasets: (ws: string) => at(ws, "/data"),
  dataset: (ws: string, name: string, said: { snapshot?: string } = {}) => withQuery(at(ws, `/data/${part(name)}`), said),
  events: (ws: string, said: Said = {}) => withQuery(at(ws, "/events"), said),
  audit: (ws: string, said: Said = {}) => withQuery(at(ws, "/audit"), said),
  endpoint: (ws: string) => at(ws, "/endpoint"),
};
