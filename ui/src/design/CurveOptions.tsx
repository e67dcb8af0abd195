/* How curves are drawn: over what, on which scale, how smooth. It stands in the address. */
import { useId } from "react";
import { useWords, words } from "@/app/i18n";
import { useUrlText } from "@/app/url";
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
}

export function useDrawing(time: "time" | "elapsed"): Drawing {
  const [axis] = useUrlText("x", "step");
  const [log] = useUrlText("log");
  const [smooth] = useUrlText("smooth", "0");
  const weight = Number(smooth);
  return { axis: axis === "time" ? time : "step", logarithmic: log === "1", smooth: Number.isFinite(weight) ? Math.min(0.99, Math.max(0, weight)) : 0 };
}

export function CurveOptions({ time }: { time: "time" | "elapsed" }) {
  const said = useWords(optionWords);
  const [axis, setAxis] = useUrlText("x", "step");
  const [log, setLog] = useUrlText("log");
  const [smooth, setSmooth] = useUrlText("smooth", "0");
  const say = useFormats();
  const id = useId();
  return (
    <div className={styles.options}>
      <label htmlFor={`${id}x`}>{said.over}</label>
      <select id={`${id}x`} value={axis} onChange={(event) => setAxis(event.target.value)}>
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
