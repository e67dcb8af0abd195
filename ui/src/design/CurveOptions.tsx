/* How curves are drawn: over what, on which scale, how smooth. It stands in the address. */
import { useId } from "react";
import { useWords, words } from "@/app/i18n";
import { useUrl, useUrlText } from "@/app/url";
import styles from "./CurveOptions.module.css";
import { useFormats } from "./formats";
import type { CurveAxis } from "./measuredCurves";

const optionWords = words({
  en: { over: "Over", step: "steps", time: "time", elapsed: "time since the start", log: "logarithmic scale", smooth: "Smoothing", none: "none" },
  fr: { over: "Selon", step: "les pas", time: "le temps", elapsed: "le temps depuis le début", log: "échelle logarithmique", smooth: "Lissage", none: "aucun" },
});

export interface Drawing {
  axis: CurveAxis;
  logarithmic: boolean;
  smooth: number;
  /** The stretch that was drawn with the pointer. */
  range: readonly [number, number] | undefined;
  onRange: (range: readonly [number, number] | null) => void;
}

/** `zoom=0~40`: whole milliseconds of time, else as short as can be seen. */
const zoomText = ([from, until]: readonly [number, number]): string =>
  [from, until].map((one) => (until - from >= 1000 ? Math.round(one) : Number(one.toPrecision(5)))).join("~");

function zoomOf(text: string): readonly [number, number] | undefined {
  const [from = Number.NaN, until = Number.NaN] = text.split("~").map(Number);
  return text !== "" && from < until ? [from, until] : undefined;
}

export function useDrawing(time: "time" | "elapsed"): Drawing {
  const [axis] = useUrlText("x", "step");
  const [zoom, setZoom] = useUrlText("zoom");
  const [log] = useUrlText("log");
  const [smooth] = useUrlText("smooth", "0");
  const weight = Number(smooth);
  return {
    axis: axis === "time" ? time : "step", logarithmic: log === "1", smooth: Number.isFinite(weight) ? Math.min(0.99, Math.max(0, weight)) : 0,
    range: zoomOf(zoom), onRange: (range) => setZoom(range === null ? "" : zoomText(range)),
  };
}

export function CurveOptions({ time }: { time: "time" | "elapsed" }) {
  const said = useWords(optionWords);
  const [search, change] = useUrl();
  const axis = search.x ?? "step";
  const [log, setLog] = useUrlText("log");
  const [smooth, setSmooth] = useUrlText("smooth", "0");
  const say = useFormats();
  const id = useId();
  return (
    <div className={styles.options}>
      <label htmlFor={`${id}x`}>{said.over}</label>
      <select id={`${id}x`} value={axis} onChange={(event) => change({ x: event.target.value === "step" ? "" : event.target.value, zoom: "" })}>
        <option value="step">{said.step}</option>
        <option value="time">{said[time]}</option>
      </select>
      <label>
        <input type="checkbox" checked={log === "1"} onChange={(event) => setLog(event.target.checked ? "1" : "")} /> {said.log}
      </label>
      <label htmlFor={`${id}s`}>{said.smooth}</label>
      <input id={`${id}s`} type="range" min={0} max={0.99} step={0.01} value={smooth} onChange={(event) => setSmooth(event.target.value, { replace: true })} />
      <output htmlFor={`${id}s`}>{Number(smooth) === 0 ? said.none : say.number(Number(smooth))}</output>
    </div>
  );
}
