/* One event: what it says, what led to it, and what it led to. */
import { useQuery } from "@tanstack/react-query";
import { useOld } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Code, Name, Short } from "@/design/Code";
import { Command } from "@/design/CopyCommand";
import { Go } from "@/design/Go";
import { KeyValues } from "@/design/KeyValues";
import { Loading, Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { Time } from "@/design/Time";
import styles from "./EventPanel.module.css";
import { type EventRow, type WalkLink, walkQuery } from "./query";
import { eventWords } from "./words";

/** Deeper ones are not set in any further: a phone has no room. */
const DEEPEST = 12;

export function EventPanel({ ws, id, follow }: { ws: string; id: string; follow: string }) {
  const said = useWords(eventWords);
  const [, change] = useUrl();
  const asked = walkQuery(ws, id);
  const { data, error, refetch } = useQuery(asked.options);
  useOld(asked, refetch);
  const event = data?.links.find((one) => one.asked)?.event;
  const close = (
    <Button look="bare" onClick={() => change({ event: "" })}>
      {said.close}
    </Button>
  );
  return (
    <aside className={styles.panel} aria-label={said.facts}>
      {error !== null && <Problem small error={error} onRetry={() => void refetch()} />}
      {error === null && data === undefined && <Loading />}
      {event === undefined && close}
      {data !== undefined && event !== undefined && (
        <>
          <Section title={event.type} tools={close}>
            <Facts ws={ws} event={event} />
          </Section>
          <Section title={said.walk} level={3} note={said.walkHint}>
            <ol className={styles.walk}>
              {data.links.map((link) => (
                <Link key={link.event.id} ws={ws} link={link} />
              ))}
            </ol>
            {data.more && <p className={styles.note}>{said.walkMore}</p>}
            <p>
              <Go to={to.events(ws, { correlation: event.correlation })}>{said.chain}</Go>
            </p>
          </Section>
          <Section title={said.data} level={3}>
            <Code label={said.data} wrap maxHeight="16rem">
              {JSON.stringify(event.data, null, 2)}
            </Code>
          </Section>
          <div className={styles.commands}>
            <Command>{data.command}</Command>
            <Command>{follow}</Command>
          </div>
        </>
      )}
    </aside>
  );
}

function Facts({ ws, event }: { ws: string; event: EventRow }) {
  const said = useWords(eventWords);
  return (
    <KeyValues
      facts={[
        { name: said.subject, value: <Name>{event.subject}</Name> },
        { name: said.time, value: <Time ms={event.time_ms} business={ws} as="exact" /> },
        { name: said.wall, value: <Time ms={event.wall_ms} as="exact" /> },
        { name: said.number, value: event.seq },
        { name: said.id, value: <Short of={event.id} length={16} /> },
        { name: said.cause, value: event.causation === "" ? said.firstCause : <Short of={event.causation} length={16} /> },
        { name: said.correlation, value: <Short of={event.correlation} length={16} /> },
      ]}
    />
  );
}

function Link({ ws, link }: { ws: string; link: WalkLink }) {
  const said = useWords(eventWords);
  const [search, change] = useUrl();
  const { event, asked } = link;
  return (
    <li className={asked ? styles.asked : undefined} style={{ paddingInlineStart: `${Math.min(link.depth, DEEPEST) * 0.9}rem` }} aria-current={asked || undefined}>
      <span className={styles.line}>
        {asked ? (
          <code>{event.type}</code>
        ) : (
          <button type="button" className={styles.open} onClick={() => change({ ...search, event: event.id })}>
            <code>{event.type}</code>
          </button>
        )}{" "}
        <Name>{event.subject}</Name>
        {asked && <span className="sr"> ({said.asked})</span>}
      </span>
      <span className={styles.when}>
        <Time ms={event.time_ms} business={ws} as="minute" />
      </span>
    </li>
  );
}
