/* Why windows are missing, those of one reason together. */
import { useWords } from "@/app/i18n";
import { Time } from "@/design/Time";
import { designWords } from "@/design/words";
import page from "./MonitorsPage.module.css";
import type { Monitor, WindowGap } from "./query";
import { inWords, monitorWords } from "./words";

export function GapList({ monitor, ws }: { monitor: Monitor; ws: string }) {
  const said = useWords(monitorWords);
  const { colon } = useWords(designWords);
  const reasons = new Map<string, WindowGap[]>();
  for (const gap of monitor.gaps) reasons.set(gap.because, [...(reasons.get(gap.because) ?? []), gap]);
  const count = (gap: WindowGap) => Math.round((gap.to_ms - gap.from_ms) / monitor.step_ms) + 1;
  if (reasons.size === 0) return null;
  return (
    <ul className={page.gaps} aria-label={said.missing}>
      {[...reasons].map(([reason, gaps]) => {
        const [first, last] = [gaps[0] as WindowGap, gaps[gaps.length - 1] as WindowGap];
        return (
          <li key={reason}>
            {said.missing}
            {colon}
            {said.gapCount(gaps.reduce((sum, gap) => sum + count(gap), 0))}, {inWords(said.gaps, reason)} (
            <Time ms={first.from_ms} business={ws} as="minute" />
            {first.from_ms !== last.to_ms && (
              <>
                {" – "}
                <Time ms={last.to_ms} business={ws} as="minute" />
              </>
            )}
            )
          </li>
        );
      })}
    </ul>
  );
}
