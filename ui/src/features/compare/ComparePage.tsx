/* Two to fifty runs beside each other: which one, and why better? */
import { Suspense } from "react";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrl } from "@/app/url";
import { Empty } from "@/design/Empty";
import { Go } from "@/design/Go";
import { Loading, Page, Section } from "@/design/Page";
import { CodeDifferences } from "./CodeDifferences";
import styles from "./Compare.module.css";
import { Curves } from "./Curves";
import { Parallel } from "./Parallel";
import { type CompareAnswer, compareQuery } from "./query";
import { SideBySide } from "./SideBySide";
import { compareWords } from "./words";

export function ComparePage({ ws }: { ws: string }) {
  const said = useWords(compareWords);
  const [search] = useUrl();
  const { runs = "" } = search;
  if (runs !== "") return <Comparison ws={ws} runs={runs} />;
  return (
    <Page title={said.title(0)} question={said.question} above={<Go to={to.runs(ws)}>{said.runs}</Go>}>
      <Empty>{said.none}</Empty>
    </Page>
  );
}

function Comparison({ ws, runs }: { ws: string; runs: string }) {
  const said = useWords(compareWords);
  const [search, change] = useUrl();
  const { reference = "", q = "", axes = "" } = search;
  const all = search.all === "1";
  const { data, waiting } = usePage(compareQuery(ws, { runs, reference, all, search: q, axes }));
  return (
    <Page title={said.title(data.runs.length)} question={said.question} above={<Go to={to.runs(ws)}>{said.runs}</Go>} command={data.command} exports={{ JSON: compareQuery(ws, { runs, reference, all: true, search: q, axes }).url }} waiting={waiting}>
      {data.missing.length > 0 && <p className={styles.warning}>{said.missing(data.missing.length)}</p>}
      {data.runs.length === 1 && <p className={styles.warning}>{said.onlyOne}</p>}
      <div className={styles.options}>
        <input
          type="search"
          value={q}
          placeholder={said.search}
          aria-label={said.search}
          maxLength={250}
          onChange={(event) => change({ q: event.target.value }, { replace: true })}
        />
        <label>
          <input type="checkbox" checked={all} onChange={(event) => change({ all: event.target.checked ? "1" : "" })} /> {said.all}
        </label>
      </div>
      <SideBySide ws={ws} of={data} marked={data.runs.some((one) => one.id === reference) ? reference : data.reference} onReference={(id) => change({ reference: id })} onLeave={leave(runs, reference, change)} />
      <Section title={said.curves} id="curves">
        <Suspense fallback={<Loading />}>
          <Curves ws={ws} of={data} />
        </Suspense>
      </Section>
      <Section title={said.parallel} id="parallel">
        <Parallel of={data} />
      </Section>
      <Section title={said.code} id="code">
        <CodeDifferences ws={ws} of={data} />
      </Section>
    </Page>
  );
}

type Change = ReturnType<typeof useUrl>[1];

const leave = (runs: string, reference: string, change: Change) => (id: CompareAnswer["reference"]) =>
  change({
    runs: runs
      .split(",")
      .filter((one) => one !== id)
      .join(","),
    ...(reference === id ? { reference: "" } : {}),
  });
