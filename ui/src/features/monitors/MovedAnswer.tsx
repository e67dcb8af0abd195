/* The answer of the page in a sentence, and what the loop does about it. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Go } from "@/design/Go";
import { State, type Tone } from "@/design/State";
import { Time } from "@/design/Time";
import styles from "./MovedAnswer.module.css";
import type { Doing, Moved } from "./query";
import { inWords, monitorWords, type Said } from "./words";

const TONES: Record<Moved["moved"], Tone> = { world: "bad", model: "bad", both: "bad", neither: "good", unknown: "quiet" };

export function MovedAnswer({ ws, moved }: { ws: string; moved: Moved }) {
  const said = useWords(monitorWords);
  const sentence = inWords(said.answers, moved.because);
  const [head, rest] = headOf(sentence);
  return (
    <div className={styles.answer}>
      <p className={styles.sentence}>
        <State tone={TONES[moved.moved]}>
          <strong>{head}</strong>
        </State>
        {rest}{" "}
        {moved.since_ms !== null && (
          <span className={styles.since}>
            {said.since} <Time ms={moved.since_ms} business={ws} as="minute" /> (<Time ms={moved.since_ms} business={ws} />)
          </span>
        )}
      </p>
      {moved.doing.length > 0 && (
        <ul className={styles.doing} aria-label={said.loop}>
          {moved.doing.map((one) => (
            <li key={one.kind}>
              <What ws={ws} doing={one} said={said} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** `The world: …` has its answer before the colon. */
function headOf(sentence: string): [string, string] {
  const match = /^(.{3,30}?)(\s?[:,])/.exec(sentence);
  return match ? [match[1] ?? "", sentence.slice((match[1] ?? "").length)] : [sentence, ""];
}

function What({ ws, doing, said }: { ws: string; doing: Doing; said: Said }) {
  const kind = inWords(said.kinds, doing.kind);
  const run = doing.run !== "" && (
    <>
      {" "}
      <Go to={to.steps(ws, doing.run)}>{doing.run.slice(-8)}</Go>
    </>
  );
  return (
    <>
      <span className={styles.kind}>{kind}</span> {inWords(said.doing, doing.rule)}
      {doing.rule === "reaction.waits" && ` ${inWords(said.waits, doing.waits)}`}
      {doing.rule === "reaction.waits" && doing.detail !== "" && <> (<bdi>{doing.detail}</bdi>)</>}
      {run}
    </>
  );
}
