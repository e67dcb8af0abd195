/* What happens, as it happens: one connection to the server a browser, however many tabs are open.
 *
 * A browser allows a server six connections, and each costs the server memory. So one tab leads: it holds the lock, has the
 * EventSource, and tells the others over a channel. Where it closes, the lock goes to the next, which asks for what came after the
 * last message that it knows of. A tab that holds a lock is not put to sleep; the others may be, and refetch when they are seen.
 */
import { heard, silent } from "./presence";
import { Value } from "./store";

/** `time_ms` is business time. */
export interface Happened {
  kind: "event";
  id: string;
  type: string;
  workspace: string;
  subject: string;
  time_ms: number;
  wall_ms: number;
}
/** Runs that have grown. */
export interface Measured {
  kind: "measured";
  workspace: string;
  runs: readonly string[];
}
/** The first message of a connection. `boot`: another one is another server process, perhaps of another version. */
interface Hello {
  kind: "hello";
  boot: string;
  version: string;
  last: string | number;
  wall_ms: number;
}
interface Beat {
  kind: "beat";
  wall_ms: number;
}
/** What was missed is too much: everything is fetched again. */
interface Lost {
  kind: "lost";
}
/** The browser's own: what the leading tab finds out about its connection. */
interface Line {
  kind: "signed-out" | "gone";
}
export type Message = Happened | Measured | Hello | Beat | Lost | Line;
/** What tabs say to each other. `last`: the number that the server is told after a break; no message and no number asks the leader for it. */
interface Told {
  message: Message | null;
  last: string;
}

const PATH = "/api/v1/stream";
const NAME = "regie.stream";
/** The server says something every 10 s; after this long without, the connection is dead, also where TCP has not noticed. */
const DEAD_MS = 35_000;
const AGAIN_MS = 2000;

const listeners = new Set<(message: Message) => void>();
/** Server's wall clock less the browser's. */
export const skew = new Value(0);
/** Business clock of each workspace, as far as events have told. */
export const clocks = new Value<Readonly<Record<string, number>>>({});

let last = "";
let leading = false;
let channel: BroadcastChannel | undefined;
let stop: AbortController | undefined;

/** Hear every message until the returned function is called. */
export function listen(listener: (message: Message) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Begin, once somebody is signed in. Calling it again does nothing. */
export function connect(): void {
  if (stop !== undefined) return;
  stop = new AbortController();
  const ended = stop.signal;
  if (!("locks" in navigator) || !("BroadcastChannel" in window)) {
    void lead(ended);
    return;
  }
  channel = new BroadcastChannel(NAME);
  channel.onmessage = (event: MessageEvent<Told>) => hear(event.data);
  ask();
  navigator.locks.request(NAME, { signal: ended }, () => lead(ended)).catch(() => undefined); // refused only when it is ended
}

/** End, when somebody signs out. */
export function disconnect(): void {
  stop?.abort();
  channel?.close();
  stop = channel = undefined;
  last = "";
}

/** A tab that comes later has not heard where the stream stands. */
function ask(): void {
  channel?.postMessage({ message: null, last: "" } satisfies Told);
}

/** Hold the connection until it is ended; the promise is the lock. */
function lead(ended: AbortSignal): Promise<void> {
  leading = true;
  return new Promise((resolve) => {
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let watch: ReturnType<typeof setTimeout> | undefined;

    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(broken, DEAD_MS);
    };
    const broken = () => {
      source?.close();
      clearTimeout(watch);
      clearTimeout(again);
      again = setTimeout(open, AGAIN_MS);
    };
    const open = () => {
      source = new EventSource(last ? `${PATH}?after=${encodeURIComponent(last)}` : PATH);
      alive();
      source.onmessage = (event: MessageEvent<string>) => {
        alive();
        tell(JSON.parse(event.data) as Message, event.lastEventId);
      };
      source.onerror = () => void failed();
    };
    // An EventSource does not say why it failed: the session is asked, which also tells a server that is gone.
    const failed = async () => {
      source?.close();
      clearTimeout(watch);
      try {
        const answer = await fetch("/api/v1/session", { cache: "no-store" });
        if (answer.status === 401) tell({ kind: "signed-out" });
        else if (!answer.ok) tell({ kind: "gone" });
      } catch {
        tell({ kind: "gone" });
      }
      if (!ended.aborted) broken();
    };
    ended.addEventListener("abort", () => {
      source?.close();
      clearTimeout(watch);
      clearTimeout(again);
      leading = false;
      resolve();
    });
    open();
  });
}

function tell(message: Message, id = ""): void {
  const told: Told = { message, last: id };
  channel?.postMessage(told);
  hear(told);
}

function hear({ message, last: id }: Told): void {
  if (id !== "") last = id;
  if (message === null) {
    if (id === "" && leading && last !== "") channel?.postMessage({ message: null, last } satisfies Told);
    return;
  }
  if (message.kind === "hello" || message.kind === "beat") skew.set(message.wall_ms - Date.now());
  if (message.kind === "hello" && last === "") last = String(message.last);
  if (message.kind === "gone") silent();
  else if (message.kind !== "signed-out") heard();
  if (message.kind === "event" && (clocks.get()[message.workspace] ?? 0) < message.time_ms) {
    clocks.set({ ...clocks.get(), [message.workspace]: message.time_ms });
  }
  for (const listener of listeners) listener(message);
}
