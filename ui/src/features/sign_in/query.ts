/* Signing in: with the code of a link, or with a token. Neither stays in the address, in storage, or in the history. */
import { useEffect, useState } from "react";
import { send } from "@/api/client";
import { RegieError } from "@/api/error";
import { type Session, useAskSession, useRefreshSession } from "@/app/session";

const PATH = "/api/v1/session";
const CHANNEL = "regie.session"; // tells other tabs, which wait for somebody to sign in

/** Taken once, before anything is drawn: a code works once, and an address is seen over shoulders and kept in histories. */
let code = takeCode();

function takeCode(): string {
  const found = location.hash.slice(1);
  if (found !== "") history.replaceState(history.state, "", location.pathname + location.search);
  return found;
}

/** A path of this control room, and nothing that leads elsewhere; `/.//elsewhere` is one whose path begins with the name of a host. */
export function whereTo(next: string | undefined): string {
  if (next === undefined || !next.startsWith("/")) return "/";
  const address = new URL(next, location.origin);
  const path = address.pathname + address.search;
  return address.origin === location.origin && !path.startsWith("//") ? path : "/";
}

export type State = "asked" | "link" | "sending" | "done";

export interface SignIn {
  state: State;
  error: RegieError | Error | null;
  /** What was tried last. */
  tried: "code" | "token";
  session: Session | null | undefined;
  /** For whom the link is, where somebody else is signed in: the person says which of the two it shall be. */
  other: string | null;
  instead: () => void;
  withToken: (token: string) => void;
  goOn: () => void;
}

type Opening = { code: string; instead?: boolean } | { token: string };

export function useSignIn(next: string | undefined): SignIn {
  const { session } = useAskSession();
  const refresh = useRefreshSession();
  const [state, setState] = useState<State>(code === "" ? "asked" : "link");
  const [error, setError] = useState<Error | null>(null);
  const [tried, setTried] = useState<"code" | "token">("code");
  const [held, setHeld] = useState<{ code: string; other: string } | null>(null);
  // Everything that was fetched for somebody else goes with the page.
  const goOn = () => location.replace(whereTo(next));
  const open = async (body: Opening) => {
    setTried("code" in body ? "code" : "token");
    setError(null);
    setHeld(null);
    try {
      await send("POST", PATH, body);
      setState("done");
      const channel = new BroadcastChannel(CHANNEL);
      channel.postMessage("signed in");
      channel.close();
      goOn();
    } catch (refused) {
      setState("asked");
      // A link that somebody sent must not make one work under another name unawares.
      if ("code" in body && refused instanceof RegieError && refused.code === "session.somebody_else") {
        setHeld({ code: body.code, other: refused.where });
      } else setError(refused as Error);
    }
  };
  useEffect(() => {
    const taken = code || (location.hash.length > 1 ? takeCode() : "");
    code = "";
    if (taken !== "") void open({ code: taken });
    // A link that is opened in a tab which stands here already changes the fragment only.
    const another = () => {
      const given = takeCode();
      if (given === "") return;
      setState("link");
      void open({ code: given });
    };
    const channel = new BroadcastChannel(CHANNEL);
    channel.onmessage = () => void refresh();
    addEventListener("hashchange", another);
    return () => {
      channel.close();
      removeEventListener("hashchange", another);
    };
  }, []);
  const withToken = (token: string) => {
    setState("sending");
    void open({ token });
  };
  const instead = () => {
    if (held === null) return;
    setState("link");
    void open({ code: held.code, instead: true });
  };
  return { state, error, tried, session, other: held?.other ?? null, instead, withToken, goOn };
}
