/* In `watch`: the new champion's metric less the former one's, beside how much worse it is allowed to be. */
import { useWords } from "@/app/i18n";
import { Difference } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { IntervalBar } from "@/design/Interval";
import { State, type Tone } from "@/design/State";
import type { Watch } from "./query";
import styles from "./RolloutPage.module.css";
import { rolloutWords } from "./words";

const TONES: Record<Watch["verdict"], Tone> = { "": "quiet", not_worse: "good", worse: "bad" };
const HOLDS: Record<Watch["verdict"], boolean | null> = { "": null, not_worse: true, worse: false };

export function Watched({ of }: { of: Watch }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const bound = of.margin === null ? null : -of.margin;
  const all = [0, bound, of.value, of.low, of.high].filter((one): one is number => one !== null);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const air = (most - least || 1) * 0.15;
  return (
    <div className={styles.watched}>
      <State tone={TONES[of.verdict]}>{said.watchVerdict[of.verdict] ?? of.verdict}</State>
      {of.value !== null && (
        <>
          <Difference value={of.value} better={undefined} low={of.low} high={of.high} />
          <IntervalBar label={of.metric} value={of.value} low={of.low} high={of.high} bound={bound} breaks="below" holds={HOLDS[of.verdict]} scale={[least - air, most + air]} />
        </>
      )}
      <p className={styles.quiet}>
        {of.unsaid !== "" && `${said.unsaid(of.unsaid)} `}
        {of.rows > 0 && `${said.rows(of.rows)}, ${said.days(of.days)}. `}
        {of.margin !== null && `${said.margin} ${say.number(of.margin)}.`}
      </p>
    </div>
  );
}
