/* Who looks, what they may see, and the clock of each workspace. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect } from "react";
import { read, refusals, send } from "@/api/client";
import type { components } from "@/api/types.gen";
import { SignedOut } from "@/api/error";
import { connect, disconnect, listen } from "@/api/stream";

export type Session = components["schemas"]["SessionShown"];
export type WorkspaceSeen = components["schemas"]["Place"];

const PATH = "/api/v1/session";
const KEY = ["session"];
const SEEN_AGAIN_MS = 30_000;
/** A workspace may appear, a role may be given or taken. */
const CHANGES = ["workspace.created", "actor.", "spec.applied"];

const Signed = createContext<Session | null>(null);

/** The session; null where nobody is signed in, undefined while it is asked. */
export function useAskSession(): { session: Session | null | undefined; error: Error | null } {
  const asked = useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => {
      try {
        return await read<Session>(PATH, signal);
      } catch (error) {
        if (error instanceof SignedOut) return null;
        throw error;
      }
    },
    staleTime: SEEN_AGAIN_MS, // somebody else may have signed in, in another tab
  });
  const client = useQueryClient();
  useEffect(
    () =>
      listen((message) => {
        const changed = message.kind === "event" && CHANGES.some((one) => message.type.startsWith(one));
        if (changed || message.kind === "signed-out") void client.invalidateQueries({ queryKey: KEY });
      }),
    [client],
  );
  const { data } = asked;
  useEffect(
    () =>
      refusals.hear(() => {
        if (data) void client.invalidateQueries({ queryKey: KEY });
      }),
    [client, data],
  );
  const there = data === undefined ? undefined : data !== null;
  useEffect(() => {
    if (there === true) connect();
    if (there === false) disconnect();
  }, [there]);
  return { session: data, error: asked.error };
}

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <Signed value={session}>{children}</Signed>;
}

/** Who is signed in. Only below the shell. */
export function useSession(): Session {
  const session = useContext(Signed);
  if (session === null) throw new Error("nobody is signed in here");
  return session;
}

/** Ask again who is signed in: after a sign-in. */
export function useRefreshSession(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: KEY });
}

/** Leave, and forget what was seen. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await send("DELETE", PATH);
    disconnect();
    // The session itself stays in the cache, emptied: who watches it is shown the page for signing in.
    client.setQueryData(KEY, null);
    client.removeQueries({ predicate: (one) => one.queryKey[0] !== KEY[0] });
  };
}
