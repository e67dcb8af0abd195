/* Metrics by name, two thousand if need be, and the curves of those that are chosen. */
import { Suspense, useDeferredValue, useMemo, useState } from "react";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { useUrlList, useUrlText } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { CurveOptions, type Drawing, useDrawing } from "@/design/CurveOptions";
import { Empty } from "@/design/Empty";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { LineChart } from "@/design/LineChart";
import { measuredText, numberOf } from "@/design/measured";
import { curvesOf } from "@/design/measuredCurves";
import { Loading } from "@/design/Page";
import { Sparkline } from "@/design/Sparkline";
import { Table } from "@/design/Table";
import { type CurveShown, curvesQuery, type MetricRow, type RunAnswer, useMoreMetrics } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

const FIRST = 2;
const MOST = 12;

export function MetricsView({ ws, of }: { ws: string; of: RunAnswer }) {
  const said = useWords(runWords);
  const [chosen, choose] = useUrlList("metric", of.curves.slice(0, FIRST));
  if (of.metrics.count === 0) return <Empty command={said.noMetricsCommand}>{said.noMetrics}</Empty>;
  const toggle = (name: string, on: boolean) => choose(on ? [...chosen, name].slice(-MOST) : chosen.filter((one) => one !== name), { replace: true });
  return (
    <div className={styles.stack}>
      {of.curves.length > 0 && <CurveOptions time="time" />}
      {of.curves.length > 0 &&
        (chosen.length === 0 ? (
          <p className={styles.small}>{said.chooseCurves}</p>
        ) : (
          <Suspense fallback={<Loading />}>
            <Charts ws={ws} id={of.run.id} metrics={chosen} />
          </Suspense>
        ))}
      <MetricList ws={ws} of={of} chosen={chosen} onDraw={toggle} />
    </div>
  );
}

function Charts({ ws, id, metrics }: { ws: string; id: string; metrics: readonly string[] }) {
  const drawing = useDrawing("time");
  const { axis } = drawing;
  const { data, waiting } = usePage(curvesQuery(ws, id, metrics, axis === "time"));
  return (
    <div className={styles.charts} aria-busy={waiting || undefined}>
      {metrics.map((name) => {
        const one = data.curves.find((curve) => curve.metric === name);
        return one === undefined || (axis === "time" && one.times_ms.length === 0) ? null : <Chart key={name} of={one} drawing={drawing} />;
      })}
    </div>
  );
}

function Chart({ of, drawing: { axis, logarithmic, smooth, range, onRange } }: { of: CurveShown; drawing: Drawing }) {
  const said = useWords(runWords);
  const say = useFormats();
  const name = of.metric;
  const drawn = useMemo(() => curvesOf(of, { id: name, name, axis, smooth }), [of, name, axis, smooth]);
  return (
    <section className={styles.chart} aria-label={name}>
      <h3>
        <Name>{name}</Name>
      </h3>
      <LineChart title={said.curvesTitle(name)} curves={drawn} x={axis === "time" ? "wall" : "number"} sync={`run-${axis}`} logarithmic={logarithmic} height={200} {...(range && { range })} onRange={onRange} />
      <p className={styles.small}>
        {of.points > of.steps.length && said.sampled(say.whole(of.steps.length), say.whole(of.points))}
        {of.holes > 0 && ` ${said.holes(of.holes)}.`}
      </p>
    </section>
  );
}

interface MetricListProps {
  ws: string;
  of: RunAnswer;
  chosen: readonly string[];
  onDraw: (name: string, on: boolean) => void;
}

function MetricList({ ws, of, chosen, onDraw }: MetricListProps) {
  const said = useWords(runWords);
  const say = useFormats();
  const [search, setSearch] = useUrlText("q");
  const [wanted, setWanted] = useState(false);
  const { rows, count, more, next } = useMoreMetrics(ws, of.run.id, of.metrics, useDeferredValue(search.trim()), wanted);
  const columns: Column<MetricRow>[] = [
    {
      id: "name",
      head: said.metric,
      cell: (row) =>
        row.points > 1 ? (
          <label className={styles.draw}>
            <input type="checkbox" checked={chosen.includes(row.name)} aria-label={said.draw(row.name)} onChange={(event) => onDraw(row.name, event.target.checked)} />
            <Name>{row.name}</Name>
          </label>
        ) : (
          <span className={styles.undrawn}>
            <Name>{row.name}</Name>
          </span>
        ),
    },
    { id: "latest", head: said.latest, align: "end", cell: (row) => <span title={String(row.latest)}>{measuredText(say, row.latest)}</span> },
    { id: "step", head: said.step, align: "end", cell: (row) => say.whole(row.step) },
    {
      id: "best",
      head: said.best,
      align: "end",
      cell: (row) => (row.best === null ? <span title={said.bestUnknown}><Figure value={null} /></span> : measuredText(say, row.best)),
    },
    { id: "extremes", head: said.extremes, align: "end", cell: (row) => `${measuredText(say, row.least)} … ${measuredText(say, row.greatest)}` },
    { id: "points", head: said.points, align: "end", cell: (row) => say.whole(row.points) },
    {
      id: "course",
      head: said.course,
      cell: (row) =>
        row.points > 1 && <Sparkline values={row.spark.values.map(numberOf)} label={said.courseOf(row.name, say.whole(row.points))} width={110} height={22} />,
    },
  ];
  return (
    <div className={styles.stack}>
      <div className={styles.searchLine}>
        <input type="search" value={search} placeholder={said.searchMetrics} aria-label={said.searchMetrics} onChange={(event) => setSearch(event.target.value, { replace: true })} />
        <span role="status" className={styles.small}>
          {count !== null && said.metricsFound(count)}
        </span>
      </div>
      <Table label={said.metrics} rows={rows} columns={columns} rowKey={(row) => row.name} empty={<p className={styles.small}>{count === 0 ? said.noneFound : ""}</p>} />
      {more && (
        <Button
          onClick={() => {
            if (wanted || search !== "") next();
            setWanted(true);
          }}
        >
          {said.more}
        </Button>
      )}
    </div>
  );
}
