/* Counts by variant: requests, failures, fallbacks, latencies. */
import { useWords } from "@/app/i18n";
import type { Column } from "@/design/columns";
import { Figure } from "@/design/Figure";
import { Table } from "@/design/Table";
import type { Rollout, Traffic } from "./query";
import { rolloutWords } from "./words";
import styles from "./RolloutPage.module.css";

type Sum = Traffic["sums"][number];

export function Variants({ of, traffic }: { of: Rollout; traffic: Traffic }) {
  const said = useWords(rolloutWords);
  const counts = said.counts as Record<string, string>;
  const head = (id: string): string => counts[id] ?? id;
  const all = traffic.felt.requests;
  const rows = [...traffic.sums].sort((a, b) => Number(b.version === of.version) - Number(a.version === of.version));
  const role = (version: number) => (version === of.version ? said.newOne : version === of.incumbent ? said.incumbent : said.other);
  const columns: Column<Sum>[] = [
    {
      id: "variant", head: head("variant"),
      cell: (one) => (
        <span>
          {said.variant(one.version)} <span className={styles.quiet}>{role(one.version)}, {said[one.mode]}</span>
        </span>
      ),
    },
    { id: "requests", head: head("requests"), align: "end", cell: (one) => <Figure value={one.requests} as="whole" /> },
    { id: "share", head: head("share"), align: "end", cell: (one) => <Figure value={one.mode === "live" && all > 0 ? one.requests / all : null} as="percent" /> },
    { id: "failed", head: head("failed"), align: "end", cell: (one) => <Figure value={one.failed} as="whole" /> },
    { id: "instead", head: head("instead"), align: "end", cell: (one) => <Figure value={one.mode === "live" ? one.instead : null} as="whole" /> },
    ...(["p50", "p95", "p99"] as const).map((id): Column<Sum> => ({ id, head: head(id), align: "end", cell: (one) => <Figure value={one[id]} as="duration" /> })),
  ];
  return <Table label={said.variants} rows={rows} columns={columns} rowKey={(one) => `${one.version}${one.mode}`} marked={(one) => one.version === of.version && one.mode === "live"} />;
}
