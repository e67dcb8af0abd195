/* Latency and requests over time, with a shared crosshair; and the sums by version. */
import { useMemo } from "react";
import { useWords } from "@/app/i18n";
import type { Column } from "@/design/columns";
import { Empty } from "@/design/Empty";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { type Curve, LineChart } from "@/design/LineChart";
import { Section } from "@/design/Page";
import { Table } from "@/design/Table";
import type { Endpoint, Traffic } from "./query";
import { endpointWords } from "./words";

export function Speed({ of, traffic }: { of: Endpoint; traffic: Traffic }) {
  const said = useWords(endpointWords);
  const say = useFormats();
  const step = say.duration(traffic.step_ms);
  const range = useMemo<[number, number]>(() => [traffic.from_ms, traffic.to_ms], [traffic.from_ms, traffic.to_ms]);
  const latencies = useMemo(() => latencyCurves(traffic), [traffic]);
  const requests = useMemo(() => requestCurves(traffic, said.version, { live: said.live, shadow: said.shadow, failures: said.failures }), [traffic, said]);
  const bounds = of.promises
    .filter((one) => one.metric === "latency" && one.part === "p95")
    .map((one) => ({ y: one.bound, label: `${said.promised[one.place] ?? one.place} ${one.text}` }))
    .filter((one) => one.y <= 4 * highest(traffic));
  if (traffic.complete && traffic.felt.requests === 0 && traffic.sums.length === 0) return <Empty small>{said.noRequests}</Empty>;
  return (
    <>
      <Section title={said.latency} note={traffic.complete ? said.latencyNote(step) : said.counting(say.exact(traffic.since_ms, { utc: true, seconds: false }))}>
        <LineChart title={said.latency} curves={latencies} bounds={bounds} x="business" as="duration" sync="endpoint" range={range} height={200} />
      </Section>
      <Section title={said.overTime} note={said.overTimeNote(step)}>
        <LineChart title={said.overTime} curves={requests} x="business" as="whole" sync="endpoint" range={range} height={160} />
      </Section>
      <Section title={said.versions}>
        <Sums of={traffic} />
      </Section>
    </>
  );
}

/** Bounds far above everything that is drawn would flatten it: they stand in regie.yaml, and on the page of a rollout. */
function highest(traffic: Traffic): number {
  return traffic.felt_p99.reduce<number>((most, one) => Math.max(most, one ?? 0), 0);
}

function slotsOf(traffic: Traffic): number[] {
  return Array.from({ length: traffic.slots }, (_, index) => traffic.from_ms + index * traffic.step_ms);
}

function latencyCurves(traffic: Traffic): Curve[] {
  const xs = slotsOf(traffic);
  return (["p50", "p95", "p99"] as const).map((name, index) => ({ id: name, name, xs, ys: traffic[`felt_${name}`], colour: index }));
}

function requestCurves(traffic: Traffic, version: (version: number) => string, words: { live: string; shadow: string; failures: string }): Curve[] {
  const xs = slotsOf(traffic);
  const failed = traffic.felt_failed.some((one) => one > 0) ? [{ id: "failed", name: words.failures, xs, ys: traffic.felt_failed, colour: 3 }] : [];
  return [...traffic.series.map((one) => ({ id: `${one.version}${one.mode}`, name: `${version(one.version)}, ${words[one.mode]}`, xs, ys: whileThere(one.requests) })), ...failed];
}

/** Nothing before its first request and after its last one, where a line at nought would say that it was there. */
function whileThere(counts: readonly number[]): (number | null)[] {
  const first = counts.findIndex((one) => one > 0);
  const last = counts.findLastIndex((one) => one > 0);
  return counts.map((one, index) => (index < first || index > last ? null : one));
}

function Sums({ of }: { of: Traffic }) {
  const said = useWords(endpointWords);
  const head = (id: string) => said.columns[id] ?? id;
  type Sum = Traffic["sums"][number];
  const rows = [...of.sums].sort((a, b) => b.version - a.version || a.mode.localeCompare(b.mode));
  const columns: Column<Sum>[] = [
    { id: "version", head: head("version"), cell: (one) => `${said.version(one.version)}, ${said[one.mode]}` },
    { id: "requests", head: head("requests"), align: "end", cell: (one) => <Figure value={one.requests} as="whole" /> },
    { id: "failed", head: head("failed"), align: "end", cell: (one) => <Figure value={one.failed} as="whole" /> },
    { id: "instead", head: head("instead"), align: "end", cell: (one) => <Figure value={one.mode === "live" ? one.instead : null} as="whole" /> },
    ...(["p50", "p95", "p99"] as const).map((id): Column<Sum> => ({ id, head: id, align: "end", cell: (one) => <Figure value={one[id]} as="duration" /> })),
  ];
  return <Table label={said.versions} rows={rows} columns={columns} rowKey={(one) => `${one.version}${one.mode}`} />;
}
