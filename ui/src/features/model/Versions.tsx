/* Every version that was ever registered, and what became of it; the older ones come as one asks for them. */
import { useCallback, useMemo, useState } from "react";
import { address, read } from "@/api/client";
import { useLanguage, useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { Button } from "@/design/Button";
import type { Column } from "@/design/columns";
import { DataTable } from "@/design/DataTable";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { State } from "@/design/State";
import { Time } from "@/design/Time";
import { type VersionPage, type VersionRow, VERSIONS } from "./query";
import { modelWords, outcomeOf, toneOf } from "./words";
import styles from "./Versions.module.css";

interface VersionsProps {
  of: VersionPage;
  ws: string;
  model: string;
  chosen: number;
}

export function Versions({ of, ws, model, chosen }: VersionsProps) {
  const said = useWords(modelWords);
  const [older, setOlder] = useState<VersionPage | null>(null);
  const [error, setError] = useState<unknown>(null);
  const rows = useMemo(() => {
    const oldest = of.rows[of.rows.length - 1]?.version ?? 0;
    return [...of.rows, ...(older?.rows ?? []).filter((one) => one.version < oldest)];
  }, [of.rows, older]);
  const more = (older ?? of).more;
  const fetchOlder = () => {
    const before = rows[rows.length - 1]?.version ?? 0;
    setError(null);
    read<VersionPage>(address(VERSIONS, ws, { name: model }, { before }))
      .then((page) => setOlder((known) => ({ rows: [...(known?.rows ?? []), ...page.rows], more: page.more })))
      .catch(setError);
  };
  const columns = useMemo<Column<VersionRow>[]>(
    () => [
      {
        id: "version",
        head: said.versionHead,
        width: 90,
        cell: (one) => (
          <Go to={to.model(ws, model, { version: one.version })} aria-current={one.version === chosen || undefined} className={one.version === chosen ? styles.chosen : undefined}>
            {said.version(one.version)}
          </Go>
        ),
      },
      { id: "role", head: said.role, width: 90, cell: (one) => said.roles[one.role] ?? one.role },
      { id: "outcome", head: said.outcome, width: 332, cell: (one) => <Outcome of={one} /> },
      { id: "window", head: said.facts.window, width: 100, cell: (one) => <bdi>{one.window || "–"}</bdi> },
      { id: "created", head: said.facts.created, width: 180, cell: (one) => <Time ms={one.created_ms} business={ws} as="minute" /> },
      {
        id: "links",
        head: said.more,
        width: 200,
        cell: (one) => (
          <span className={styles.links}>
            {one.run_id !== "" && <Go to={to.run(ws, one.run_id)}>{said.theRun}</Go>}
            {one.rollout !== "" && <Go to={to.rollout(ws, one.rollout)}>{said.theRollout}</Go>}
          </span>
        ),
      },
    ],
    [said, ws, model, chosen],
  );
  const rowKey = useCallback((one: VersionRow) => String(one.version), []);
  return (
    <Section title={said.versions} id="versions" tools={more && <Button onClick={fetchOlder}>{said.older}</Button>}>
      {error !== null && <Problem small error={error} onRetry={fetchOlder} />}
      <DataTable label={said.versions} rows={rows} columns={columns} rowKey={rowKey} maxHeight="26rem" />
    </Section>
  );
}

/** Whole when it is pointed at, where the cell cuts it. */
function Outcome({ of }: { of: VersionRow }) {
  const { language } = useLanguage();
  const text = outcomeOf(language, of.outcome);
  return (
    <span title={text}>
      <State tone={toneOf(of.outcome.code)}>{text}</State>
    </span>
  );
}
