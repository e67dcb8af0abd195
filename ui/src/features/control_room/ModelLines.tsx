/* One line a model: its name, its five stations on the line of the loop, what is so and who is needed, and its promised metric. */
import { Fragment } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Go } from "@/design/Go";
import { Mark } from "@/design/State";
import styles from "./ModelLines.module.css";
import { TONES } from "./Needs";
import type { ModelLine, Need } from "./query";
import { Promise } from "./Promise";
import { Standing } from "./Standing";
import { StationCell } from "./StationCell";
import { roomWords } from "./words";

const STATIONS = ["data", "run", "gates", "release", "watch"] as const;
const COLUMNS = STATIONS.length + 3;

export function ModelLines({ lines }: { lines: readonly ModelLine[] }) {
  const said = useWords(roomWords);
  return (
    <table className={styles.lines}>
      <caption className="sr">{said.caption}</caption>
      <thead>
        <tr>
          <th scope="col" className={styles.modelHead}>
            {said.model}
          </th>
          {STATIONS.map((station) => (
            <th key={station} scope="col" className={styles.stationHead}>
              {said.stations[station]}
            </th>
          ))}
          <th scope="col" className={styles.standingHead}>
            {said.standing}
          </th>
          <th scope="col" className={styles.promiseHead}>
            {said.promised}
          </th>
        </tr>
      </thead>
      {groups(lines).map(([need, group]) => (
        <tbody key={need} className={styles[need]}>
          <tr className={styles.group}>
            <th scope="rowgroup" colSpan={COLUMNS}>
              <Mark tone={TONES[need]} /> {said.needs[need]}
            </th>
          </tr>
          {group.map((line) => (
            <Line key={line.workspace + line.model} line={line} />
          ))}
        </tbody>
      ))}
    </table>
  );
}

function Line({ line }: { line: ModelLine }) {
  return (
    <tr className={styles.line}>
      <th scope="row" className={styles.model}>
        <Go to={to.model(line.workspace, line.model)} className={styles.name} title={line.model}>
          <bdi>{line.model}</bdi>
        </Go>
        <span className={styles.place}>
          {[line.workspace === line.model ? "" : line.workspace, line.environment, line.team].filter((part) => part !== "").map((part, at) => (
            <Fragment key={part + String(at)}>
              {at > 0 && " · "}
              <bdi>{part}</bdi>
            </Fragment>
          ))}
        </span>
      </th>
      {line.stations.map((station) => (
        <StationCell key={station.station} line={line} station={station} />
      ))}
      <td className={styles.standing}>
        <Standing line={line} />
      </td>
      <td className={styles.promise}>{line.spark && <Promise of={line.spark} workspace={line.workspace} />}</td>
    </tr>
  );
}

/** The lines come in the order of their need. */
function groups(lines: readonly ModelLine[]): [Need, ModelLine[]][] {
  const found: [Need, ModelLine[]][] = [];
  for (const line of lines) {
    const last = found[found.length - 1];
    if (last?.[0] === line.need) last[1].push(line);
    else found.push([line.need, [line]]);
  }
  return found;
}
