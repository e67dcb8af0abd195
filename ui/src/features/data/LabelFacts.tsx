/* What is known of the labels: how far they are mature, which rows are held out, how many there are and how late they come. */
import { useWords } from "@/app/i18n";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { KeyValues } from "@/design/KeyValues";
import { Section } from "@/design/Page";
import { Time } from "@/design/Time";
import type { Labels } from "./query";
import { dataWords } from "./words";

export function LabelFacts({ ws, labels }: { ws: string; labels: Labels }) {
  const said = useWords(dataWords);
  const say = useFormats();
  const { coverage, lateness } = labels;
  return (
    <Section title={said.labels}>
      <KeyValues
        facts={[
          { name: said.matureUntil, value: <Time ms={labels.mature_until_ms} business={ws} as="minute" /> },
          labels.holdout_from_ms !== null && {
            name: said.held,
            value: (
              <>
                <Time ms={labels.holdout_from_ms} business={ws} as="day" /> … <Time ms={labels.holdout_to_ms} business={ws} as="day" />
              </>
            ),
          },
          {
            name: said.newestLabel,
            value: labels.newest_ms === null ? said.noLabels : <Time ms={labels.newest_ms} business={ws} />,
            note: labels.newest_source === "" ? undefined : <bdi>{labels.newest_source}</bdi>,
          },
          coverage && { name: said.coverage, value: <Figure value={coverage.share} as="percent" />, note: said.coverageOf(coverage.monitor) },
          lateness && { name: said.lateness, value: said.latenessSays(say.duration(lateness.half_ms), say.duration(lateness.most_ms)), note: said.latenessOf(lateness.labels) },
        ]}
      />
    </Section>
  );
}
