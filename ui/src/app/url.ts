/* What a person has chosen on a page stands in the address: a link shows the same view, and the back button takes a choice back. */
import { useLocation, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { inQuery, inList, outOfList } from "./links";

export type Search = Readonly<Record<string, string | undefined>>;

/** Texts only: no quotes or brackets in an address. */
export function parseSearch(said: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(said));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parts = Object.entries(search)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => `${encodeURIComponent(name)}=${inQuery(String(value))}`);
  return parts.length ? `?${parts.join("&")}` : "";
}

/** The workspace of the page; "" on pages over all of them. */
export function useWorkspace(): string {
  return (useParams({ strict: false }) as { ws?: string }).ws ?? "";
}

export function usePath(): string {
  return useLocation({ select: (where) => where.pathname });
}

/** The address of what is shown; the browser's own is ahead of it while a page is on its way. */
export function useShownAddress(): string {
  const { pathname, search } = new URL(useLocation({ select: (where) => where.publicHref }), location.origin); // escaped as a browser does it
  return pathname + search;
}

/** The whole query, and how to change parts of it: `undefined` or "" takes a part out. `replace` leaves no step for the back button: for typing. */
export function useUrl(): [Search, (changed: Search, how?: { replace?: boolean }) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const change = (changed: Search, how: { replace?: boolean } = {}) =>
    void navigate({
      to: ".",
      search: ((before: Search) => ({ ...before, ...changed })) as never,
      replace: how.replace ?? false,
      resetScroll: false,
    });
  return [search, change];
}

/** One part of the query as text. What equals `otherwise` is left out of the address. */
export function useUrlText(name: string, otherwise = ""): [string, (value: string, how?: { replace?: boolean }) => void] {
  const [search, change] = useUrl();
  return [search[name] ?? otherwise, (value, how) => change({ [name]: value === otherwise ? undefined : value }, how)];
}

export function useUrlNumber(name: string, otherwise: number): [number, (value: number, how?: { replace?: boolean }) => void] {
  const [text, set] = useUrlText(name, String(otherwise));
  const number = Number(text);
  return [Number.isFinite(number) ? number : otherwise, (value, how) => set(String(value), how)];
}

/** `?columns=a,b`. */
export function useUrlList(name: string, otherwise: readonly string[] = []): [string[], (value: readonly string[], how?: { replace?: boolean }) => void] {
  const [text, set] = useUrlText(name, inList(otherwise));
  return [outOfList(text), (value, how) => set(inList(value), how)];
}
