/* One metric, or two, of all the runs in one chart. */
import { useId, useMemo } from "react";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { CurveOptions, useDrawing } from "@/design/CurveOptions";
import { useFormats } from "@/design/formats";
import { LineChart } from "@/design/LineChart";
import { curvesOf } from "@/design/measuredCurves";
import styles from "./Compare.module.css";
import { type CompareAnswer, curvesQuery } from "./query";
import { compareWords } from "./words";

const MOST_POINTS = 1000;
/** The second metric of a run has its colour and another dash. */
const COLOURS = 6;

export function Curves({ ws, of }: { ws: string; of: CompareAnswer }) {
  const said = useWords(compareWords);
  const [search, change] = useUrl();
  const id = useId();
  const [first] = of.curves;
  if (first === undefined) return <p className={styles.small}>{said.noCurves}</p>;
  const metric = search.metric ?? first;
  const { beside = "" } = search;
  const options = of.curves.includes(metric) ? of.curves : [metric, ...of.curves];
  return (
    <div className={styles.stack}>
      <div className={styles.options}>
        <label htmlFor={`${id}m`}>{said.draw}</label>
        <select id={`${id}m`} value={metric} onChange={(event) => change({ metric: event.target.value === first ? "" : event.target.value })}>
          {options.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        {of.curves.length > 1 && (
          <>
            <label htmlFor={`${id}b`}>{said.also}</label>
            <select id={`${id}b`} value={beside} onChange={(event) => change({ beside: event.target.value })}>
              <option value="">{said.nothingElse}</option>
              {of.curves
                .filter((one) => one !== metric)
                .map((one) => (
                  <option key={one}>{one}</option>
                ))}
            </select>
          </>
        )}
        <CurveOptions time="elapsed" />
      </div>
      <Chart ws={ws} of={of} metrics={beside === "" || beside === metric ? [metric] : [metric, beside]} />
    </div>
  );
}

function Chart({ ws, of, metrics }: { ws: string; of: CompareAnswer; metrics: readonly string[] }) {
  const said = useWords(compareWords);
  const say = useFormats();
  const { axis, logarithmic, smooth, range, onRange } = useDrawing("elapsed");
  const runs = of.runs.map((one) => one.id);
  const [first] = metrics;
  const { data, waiting } = usePage(curvesQuery(ws, runs, metrics, axis === "elapsed"));
  const both = metrics.length > 1;
  const names = JSON.stringify(of.runs.map((one) => [one.id, one.name || said.unnamed]));
  const curves = useMemo(() => {
    const named = new Map<string, string>(JSON.parse(names));
    const order = [...named.keys()];
    const there = axis === "elapsed" ? data.curves.filter((one) => one.times_ms.length > 0) : data.curves;
    return there.flatMap((one) => {
      const name = both ? `${named.get(one.run)} ${one.metric}` : (named.get(one.run) ?? one.run);
      return curvesOf(one, { id: `${one.run} ${one.metric}`, name, axis, smooth, colour: order.indexOf(one.run) + (one.metric === first ? 0 : COLOURS) });
    });
  }, [data, names, axis, smooth, both, first]);
  const cut = data.curves.some((one) => one.points > one.steps.length);
  return (
    <div className={styles.stack} aria-busy={waiting || undefined}>
      <LineChart title={said.curveOf(metrics.join(", "), of.runs.length)} curves={curves} x="number" logarithmic={logarithmic} height={340} {...(range && { range })} onRange={onRange} />
      {cut && <p className={styles.small}>{said.sampled(say.whole(MOST_POINTS))}</p>}
    </div>
  );
}
