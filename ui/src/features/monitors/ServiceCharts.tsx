/* What clients felt over the same axis: latency, availability, requests and errors. */
import { useMemo } from "react";
import { useWords } from "@/app/i18n";
import { Figure, Key, Keys } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { type ChartMark, type Curve, LineChart } from "@/design/LineChart";
import { Section } from "@/design/Page";
import { SYNC } from "./crosshair";
import page from "./MonitorsPage.module.css";
import type { Service } from "./query";
import { monitorWords } from "./words";

interface ServiceChartsProps {
  ws: string;
  service: Service | null;
  axis: [number, number];
  marks: readonly ChartMark[];
  onRange: (range: [number, number] | null) => void;
}

export function ServiceCharts({ service, axis, marks, onRange }: ServiceChartsProps) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const ends = useMemo(() => (service ? service.requests.map((_, slot) => Math.min(service.from_ms + (slot + 1) * service.step_ms, axis[1])) : []), [service, axis]);
  const [latency, availability, requests] = useMemo(() => curvesOf(service, ends, said.availability, said.asked, said.failed), [service, ends, said]);
  if (service === null || service.all.requests === 0) {
    return (
      <Section title={said.serviceTitle}>
        <p className={page.note}>{said.noService}</p>
      </Section>
    );
  }
  const shared = { marks, x: "business" as const, sync: SYNC, range: axis, onRange };
  const note = `${said.serviceAll(service.all.requests)}, ${said.each(say.duration(service.step_ms))}. ${service.complete ? "" : said.counting(say.day(service.since_ms, { utc: true }))}`;
  return (
    <Section title={said.serviceTitle} note={note}>
      <Keys>
        <Key label="p50"><Figure value={service.all.p50} as="duration" /></Key>
        <Key label="p95"><Figure value={service.all.p95} as="duration" /></Key>
        <Key label="p99"><Figure value={service.all.p99} as="duration" /></Key>
        <Key label={said.failed}><Figure value={service.all.failed} as="whole" /></Key>
        <Key label={said.available}><Figure value={service.all.availability} as="percent" decimals={3} /></Key>
      </Keys>
      <div className={page.chart}>
        <p className={page.title}>{said.latency}</p>
        <LineChart title={said.latency} curves={latency} as="duration" height={150} {...shared} />
        <p className={page.title}>{said.availability}</p>
        <LineChart title={said.availability} curves={availability} as="percent" decimals={2} height={90} {...shared} />
        <p className={page.title}>{said.requests}</p>
        <LineChart title={said.requests} curves={requests} as="whole" height={110} {...shared} />
      </div>
    </Section>
  );
}

function curvesOf(service: Service | null, xs: readonly number[], availability: string, asked: string, failed: string): [Curve[], Curve[], Curve[]] {
  if (service === null) return [[], [], []];
  return [
    [
      { id: "p50", name: "p50", xs, ys: service.p50, colour: 0 },
      { id: "p95", name: "p95", xs, ys: service.p95, colour: 1 },
      { id: "p99", name: "p99", xs, ys: service.p99, colour: 3 },
    ],
    [{ id: "availability", name: availability, xs, ys: service.availability, colour: 2 }],
    [
      { id: "requests", name: asked, xs, ys: service.requests, colour: 5 },
      { id: "failed", name: failed, xs, ys: service.failed, colour: 1 },
    ],
  ];
}
