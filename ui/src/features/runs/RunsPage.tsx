/* Runs: which run, and why better? */
import { useCallback, useMemo, useState } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { type Sort, sortOf, sortText } from "@/design/columns";
import { DataTable } from "@/design/DataTable";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Page } from "@/design/Page";
import { runStateWords } from "@/design/RunState";
import { ColumnPicker } from "./ColumnPicker";
import { columnsOf } from "./columns";
import { FilterBox } from "./FilterBox";
import { Picker } from "./Picker";
import { Popup } from "./Popup";
import { type Asked, exportsOf, type RunRow, useRuns } from "./query";
import styles from "./Runs.module.css";
import { Views } from "./Views";
import { runsWords } from "./words";

const COMPARED = 50;
const NEWEST = "-started";
const keyOf = (row: RunRow) => row.id;
const nameOf = (row: RunRow) => row.name || row.id;

export function RunsPage({ ws }: { ws: string }) {
  const said = useWords(runsWords);
  const states = useWords(runStateWords);
  const say = useFormats();
  const [search, change] = useUrl();
  const { filter = "", experiment = "", state = "", pipeline = "", sort = NEWEST, columns = "" } = search;
  const asked: Asked = { filter, experiment, state, pipeline, sort, columns, tasks: search.tasks === "1" };
  const { answer, rows, waiting, onSeen, news, refresh } = useRuns(ws, asked);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const choose = useCallback(
    (key: string, on: boolean) => setChosen((before) => new Set(on ? [...before, key] : [...before].filter((one) => one !== key))),
    [],
  );
  const several = answer.experiments.length > 1 && experiment === "";
  const heads = useMemo(() => columnsOf(ws, answer.columns, answer.rows, several, said, say), [ws, answer, several, said, say]);
  const shown = answer.columns.map((one) => one.short);
  const wanted = columns === "" ? shown : columns.split(",");
  const picked = filter !== "" || experiment !== "" || state !== "" || pipeline !== "";
  const bare = answer.count === 0 && answer.wrong === null;
  return (
    <Page title={said.title} question={said.question} command={answer.command} exports={exportsOf(ws, asked, shown.join(","))} waiting={waiting}>
      <div className={styles.bar}>
        <FilterBox value={filter} wrong={answer.wrong} onFilter={(text) => change({ filter: text })} />
        <div className={styles.pickers}>
          <Picker label={said.experiment} any={said.anyExperiment} value={experiment} of={answer.experiments} onPick={(id) => change({ experiment: id })} />
          <Picker
            label={said.state}
            any={said.anyState}
            value={state}
            of={answer.states.map((one) => ({ id: one, name: states[one as keyof typeof states] ?? one }))}
            onPick={(one) => change({ state: one })}
          />
          {(answer.pipelines.length > 0 || pipeline !== "") && (
            <Picker label={said.pipeline} any={said.anyPipeline} value={pipeline} of={answer.pipelines.map((one) => ({ id: one, name: one }))} onPick={(one) => change({ pipeline: one })} />
          )}
          {(answer.pipelines.length > 0 || asked.tasks) && (
            <label className={styles.check}>
              <input type="checkbox" checked={asked.tasks} onChange={(event) => change({ tasks: event.target.checked ? "1" : "" })} />
              {said.tasks}
            </label>
          )}
          <div className={styles.popups}>
            <Popup label={said.columns} title={said.columns}>
              {() => <ColumnPicker ws={ws} chosen={wanted} onChoose={(list) => change({ columns: list === null ? "" : list.join(",") }, { replace: true })} />}
            </Popup>
            <Popup label={said.views} title={said.views}>
              {(close) => <Views ws={ws} onGo={close} />}
            </Popup>
          </div>
        </div>
      </div>
      <div className={styles.list}>
      <div className={styles.summary}>
        <span role="status">{answer.count !== null && answer.wrong === null && said.runs(answer.count, answer.counted_all)}</span>
        {news !== null && (
          <span className={styles.news} role="status">
            {said.news(news.count, news.all)} <Button onClick={refresh}>{said.showNews}</Button>
          </span>
        )}
        {chosen.size > 0 && <Selection ws={ws} chosen={chosen} onForget={() => setChosen(new Set())} />}
      </div>
      {bare && (picked ? <Empty>{said.none}</Empty> : <Empty command={said.noneCommand}>{said.noneYet}</Empty>)}
      {!bare && answer.wrong === null && (
        <DataTable
          label={said.list}
          rows={rows}
          total={answer.count ?? rows.length}
          columns={heads}
          rowKey={keyOf}
          rowName={nameOf}
          sort={sortOf(sort)}
          onSort={(by: Sort) => change({ sort: sortText(by) === NEWEST ? "" : sortText(by) })}
          onSeen={onSeen}
          chosen={chosen}
          onChoose={choose}
          maxHeight="max(20rem, calc(100dvh - 18rem))"
        />
      )}
      </div>
    </Page>
  );
}

function Selection({ ws, chosen, onForget }: { ws: string; chosen: ReadonlySet<string>; onForget: () => void }) {
  const said = useWords(runsWords);
  const why = chosen.size < 2 ? said.compareTwo : chosen.size > COMPARED ? said.compareMany : "";
  return (
    <span className={styles.selection}>
      <span role="status">{said.chosen(chosen.size)}</span>
      {why === "" ? (
        <Go to={to.compare(ws, [...chosen])} className={styles.compare}>
          {said.compare}
        </Go>
      ) : (
        <span className={styles.small}>{why}</span>
      )}
      <Button look="bare" onClick={onForget}>
        {said.forget}
      </Button>
    </span>
  );
}
