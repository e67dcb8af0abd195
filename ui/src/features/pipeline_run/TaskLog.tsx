/* What an attempt has printed: its end first, following while it runs; earlier lines when they are asked for. */
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { address, read } from "@/api/client";
import { useWords } from "@/app/i18n";
import { Button } from "@/design/Button";
import { useFormats } from "@/design/formats";
import { Problem } from "@/design/Problem";
import { plain } from "./plain";
import type { Printed } from "./query";
import styles from "./TaskLog.module.css";
import { pipelineWords } from "./words";

/** A person reads no faster, and the worker sends no more often than once in a second. */
const LOOK_MS = 2_000;
const PIECE = 1 << 16;
const MOST_CHARS = 1 << 20;
const NEAR_END_PX = 24;

interface Held {
  text: string;
  from: number;
  end: number;
  size: number;
  live: boolean;
  gap: number;
}

export function TaskLog({ ws, task, name, live }: { ws: string; task: string; name: string; live: boolean }) {
  const said = useWords(pipelineWords);
  const say = useFormats();
  const { log, error, earlier, retry } = useLog(ws, task, live);
  const [following, setFollowing] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  const shown = useMemo(() => (log ? plain(log.text) : ""), [log]);
  const growing = log?.live ?? live;
  useLayoutEffect(() => {
    if (following && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown, following]);
  const scrolled = useCallback(() => {
    const it = box.current;
    if (it) setFollowing(it.scrollHeight - it.scrollTop - it.clientHeight < NEAR_END_PX);
  }, []);
  if (error !== null && !log) return <Problem small error={error} onRetry={retry} />;
  if (!log) return <p className={styles.note} data-waiting="">…</p>;
  if (shown === "" && log.size === 0) return <p className={styles.note}>{growing ? said.emptyLive : said.emptyLog}</p>;
  return (
    <div className={styles.log}>
      <div className={styles.tools}>
        {log.from > 0 && (
          <Button look="bare" onClick={earlier}>
            {said.earlier} ({say.bytes(log.from)})
          </Button>
        )}
        {log.gap > 0 && <span className={styles.note}>{said.notKept(say.bytes(log.gap))}</span>}
        <span className={styles.end}>
          {growing && <span className={styles.note}>{said.live}</span>}
          <Button look="bare" aria-pressed={following} onClick={() => setFollowing(!following)}>
            {growing ? (following ? said.pause : said.follow) : said.logEnd}
          </Button>
        </span>
      </div>
      <pre ref={box} className={styles.text} tabIndex={0} role="log" aria-live="off" aria-label={said.logOf(name)} dir="ltr" onScroll={scrolled}>
        {shown}
      </pre>
    </div>
  );
}

/** The log by its offsets: one look at its end, then what is new; the oldest lines go where it becomes too long to hold. */
function useLog(ws: string, task: string, live: boolean) {
  const [log, setLog] = useState<Held | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const held = useRef<Held | null>(null);
  const of = useRef(task);
  const keep = (next: Held) => {
    held.current = next;
    setLog(next);
  };
  const ask = useCallback(
    (from: number | null, signal?: AbortSignal) => read<Printed>(address("/api/v1/tasks/{task_id}/log", ws, { task_id: task }, { from_bytes: from }), signal),
    [ws, task],
  );
  useEffect(() => {
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    // What is here stays where it goes on: the whole log of a task that has ended has the same offsets.
    if (of.current !== task) {
      of.current = task;
      held.current = null;
      setLog(null);
    }
    const look = async () => {
      try {
        if (!document.hidden || held.current === null) keep(joined(held.current, await ask(held.current?.end ?? null, leaving.signal)));
        setError(null);
      } catch (failed) {
        if (leaving.signal.aborted) return;
        setError(failed);
      }
      const now = held.current;
      const more = now !== null && now.end < now.size && now.text.length < MOST_CHARS;
      if (!now || now.live || more) timer = setTimeout(() => void look(), more ? 50 : LOOK_MS);
    };
    void look();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
    // A task that has just ended has its whole log now: it is looked at once more.
  }, [ask, task, live, round]);
  const earlier = useCallback(() => {
    const now = held.current;
    if (!now) return;
    const from = Math.max(0, now.from - PIECE);
    void ask(from).then((got) => {
      const bytes = new TextEncoder().encode(got.text);
      // What is asked for may reach into what is here already.
      const text = new TextDecoder().decode(bytes.slice(0, Math.max(0, now.from - got.at_bytes)));
      keep({ ...now, text: text + now.text, from: got.at_bytes });
    }, setError);
  }, [ask]);
  return { log, error, earlier, retry: () => setRound(round + 1) };
}

function joined(before: Held | null, got: Printed): Held {
  if (before === null) return { text: got.text, from: got.at_bytes, end: got.end_bytes, size: got.size_bytes, live: got.live, gap: 0 };
  const gap = before.gap + Math.max(0, got.at_bytes - before.end);
  let text = before.text + got.text;
  let { from } = before;
  if (text.length > MOST_CHARS && got.text.length < MOST_CHARS) {
    const cut = text.indexOf("\n", text.length - MOST_CHARS) + 1;
    from += new TextEncoder().encode(text.slice(0, cut)).length;
    text = text.slice(cut);
  }
  return { text, from, end: got.end_bytes, size: got.size_bytes, live: got.live, gap };
}
