/* Parameters and tags, as they were written. */
import { useState } from "react";
import { useWords } from "@/app/i18n";
import { useUrlText } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import { Section } from "@/design/Page";
import { Table } from "@/design/Table";
import type { RunAnswer } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

type Pair = RunAnswer["params"][number];
const SHOWN = 100;

export function Pairs({ of }: { of: RunAnswer }) {
  const said = useWords(runWords);
  const [search, setSearch] = useUrlText("find");
  const holds = (one: Pair) => `${one.name} ${one.value}`.toLowerCase().includes(search.toLowerCase());
  return (
    <div className={styles.stack}>
      {of.params.length + of.tags.length > 10 && (
        <div className={styles.searchLine}>
          <input type="search" value={search} placeholder={said.searchPairs} aria-label={said.searchPairs} onChange={(event) => setSearch(event.target.value, { replace: true })} />
        </div>
      )}
      <div className={styles.halves}>
        <Section title={said.paramsHead} level={3}>
          <PairTable label={said.paramsHead} head={said.param} rows={of.params.filter(holds)} empty={said.noParams} />
        </Section>
        <Section title={said.tagsHead} level={3}>
          <PairTable label={said.tagsHead} head={said.tag} rows={of.tags.filter(holds)} empty={said.noTags} />
        </Section>
      </div>
    </div>
  );
}

export function PairTable({ label, head, rows, empty, value }: { label: string; head: string; rows: readonly Pair[]; empty: string; value?: string }) {
  const said = useWords(runWords);
  const [most, setMost] = useState(SHOWN);
  return (
    <>
      <Table
        label={label}
        rows={rows.slice(0, most)}
        rowKey={(row) => row.name}
        empty={<p className={styles.small}>{empty}</p>}
        columns={[
          { id: "name", head, cell: (row) => <Name>{row.name}</Name> },
          { id: "value", head: value ?? said.value, cell: (row) => <bdi className={styles.value}>{row.value}</bdi> },
        ]}
      />
      {rows.length > most && <Button onClick={() => setMost(most + 500)}>{said.more}</Button>}
    </>
  );
}
