/* Monitors: did the world change, or the model? */
import { useCallback, useMemo, useState } from "react";
import { address } from "@/api/client";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Empty } from "@/design/Empty";
import { Page } from "@/design/Page";
import { StretchFields, useStretch } from "@/design/Stretch";
import { Breaches } from "./Breaches";
import { DistributionPanel } from "./DistributionPanel";
import { DriftStrips } from "./DriftStrips";
import { Happenings } from "./Happenings";
import { chartMarks } from "./marks";
import styles from "./MonitorsPage.module.css";
import { MovedAnswer } from "./MovedAnswer";
import { QualityChart } from "./QualityChart";
import { monitorsQuery, useCounting } from "./query";
import { ServiceCharts } from "./ServiceCharts";
import { monitorWords } from "./words";

const DAY_MS = 86_400_000;

export function MonitorsPage({ ws }: { ws: string }) {
  const said = useWords(monitorWords);
  const { fromMs, toMs, set } = useStretch();
  const { data: page, waiting, refresh } = usePage(monitorsQuery(ws, fromMs, toMs));
  useCounting(page.service, refresh);
  const [search] = useUrl();
  const marks = useMemo(() => chartMarks(page.marks, said), [page.marks, said]);
  const axis = useMemo<[number, number]>(() => [page.from_ms, page.to_ms], [page.from_ms, page.to_ms]);
  const [zooming] = useState(() => ({ set }));
  zooming.set = set;
  const onRange = useCallback(
    (range: [number, number] | null) => zooming.set(range === null ? undefined : roundDown(range[0]), range === null ? undefined : roundUp(range[1])),
    [zooming],
  );
  const exports = { JSON: address("/api/v1/pages/monitors", ws, {}, { from_ms: fromMs, to_ms: toMs }) };
  const quality = page.monitors.filter((one) => one.kind === "quality");
  const drift = page.monitors.filter((one) => one.kind === "drift");
  const [feature, window, monitor] = [search.feature ?? "", Number(search.window), search.monitor ?? drift[0]?.name ?? ""];
  const unborn = page.champion === null && page.first_ms === null; // nothing to draw, and nothing that was
  return (
    <Page title={said.title} question={said.question} command={page.command} exports={exports} waiting={waiting}>
      {!page.applied && <Empty command="regie apply">{said.empty}</Empty>}
      {page.answer !== null && <MovedAnswer ws={ws} moved={page.answer} />}
      {page.applied && page.monitors.length === 0 && <Empty command="regie apply">{said.emptyMonitors}</Empty>}
      {unborn && page.monitors.length > 0 && <Empty command={said.train}>{said.noModel}</Empty>}
      {page.applied && !unborn && (
        <>
          <Range now={page.now_ms} first={page.first_ms} onChoose={set} />
          <div className={styles.axis}>
            {drift.map((one) => (
              <DriftStrips key={one.name} ws={ws} model={page.model} monitor={one} reigns={page.reigns} axis={axis} marks={marks} />
            ))}
            {feature !== "" && window > 0 && <DistributionPanel ws={ws} monitor={monitor} feature={feature} window={window} />}
            {quality.map((one) => (
              <QualityChart key={one.name} ws={ws} monitor={one} axis={axis} marks={marks} onRange={onRange} />
            ))}
            {page.endpoint !== "" && <ServiceCharts service={page.service} ws={ws} axis={axis} marks={marks} onRange={onRange} />}
          </div>
          <Breaches ws={ws} model={page.model} breaches={page.breaches} monitors={page.monitors} />
          <Happenings ws={ws} marks={page.marks} />
        </>
      )}
    </Page>
  );
}

/** Windows end at whole hours at the finest: a zoom asks for these, so that the address stays short. */
const HOUR_MS = DAY_MS / 24;
const grain = (ms: number, round: (value: number) => number) => Math.max(0, round(ms / HOUR_MS) * HOUR_MS);
const roundDown = (ms: number) => grain(ms, Math.floor);
const roundUp = (ms: number) => grain(ms, Math.ceil);

function Range({ now, first, onChoose }: { now: number; first: number | null; onChoose: (from: number | undefined, to: number | undefined) => void }) {
  const said = useWords(monitorWords);
  const end = Math.ceil(now / DAY_MS) * DAY_MS;
  const last = (days: number) => () => onChoose(end - days * DAY_MS, undefined);
  return (
    <div className={styles.range} role="group" aria-label={said.range}>
      <StretchFields />
      <Button look="bare" onClick={last(30)}>{said.presets.month}</Button>
      <Button look="bare" onClick={() => onChoose(undefined, undefined)}>{said.presets.quarter}</Button>
      <Button look="bare" onClick={last(365)}>{said.presets.year}</Button>
      {first !== null && <Button look="bare" onClick={() => onChoose(Math.floor(first / DAY_MS) * DAY_MS, undefined)}>{said.presets.all}</Button>}
      <span className={styles.hint}>{said.zoomHint}</span>
    </div>
  );
}
