/* What led to a version, from the window or the hand that began it to what it came to: a link each, on one line of time. */
import { Fragment } from "react";
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import { Time } from "@/design/Time";
import styles from "./Chain.module.css";
import { type Story, storyOf } from "./story";
import type { ChainLink } from "./query";
import { modelWords } from "./words";

const HOUR_MS = 3_600_000;

interface ChainProps {
  links: readonly ChainLink[];
  ws: string;
  model: string;
  now: number;
}

export function Chain({ links, ws, model }: ChainProps) {
  const said = useWords(modelWords);
  const say = useFormats();
  return (
    <ol className={styles.chain} aria-label={said.chain}>
      {links.map((link, at) => {
        const before = links[at - 1];
        const gap = before === undefined ? 0 : link.time_ms - before.until_ms;
        const story = storyOf(link, said, { ws, model, before: before?.kind });
        return (
          <Fragment key={link.event}>
            {gap >= HOUR_MS && (
              <li className={styles.gap} aria-hidden="true">
                <span>{say.duration(gap)}</span>
              </li>
            )}
            <Link link={link} story={story} ws={ws} last={at === links.length - 1} />
          </Fragment>
        );
      })}
    </ol>
  );
}

function Link({ link, story, ws, last }: { link: ChainLink; story: Story; ws: string; last: boolean }) {
  return (
    <li className={`${styles.link} ${styles[story.tone]} ${last ? styles.last : ""}`}>
      <span className={styles.time}>
        <Time ms={link.time_ms} business={ws} as="minute" />
      </span>
      <span className={styles.node} aria-hidden="true" />
      <div className={styles.told}>
        <p className={styles.head}>{story.head}</p>
        {story.note !== undefined && <p className={styles.note}>{story.note}</p>}
        {story.quote !== undefined && story.quote !== "" && (
          <blockquote className={styles.quote}>
            <bdi>{story.quote}</bdi>
          </blockquote>
        )}
        {story.evidence !== undefined && <div className={styles.evidence}>{story.evidence}</div>}
      </div>
    </li>
  );
}
