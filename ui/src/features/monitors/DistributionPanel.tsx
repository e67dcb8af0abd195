/* One feature before and after: the share of rows in each bin, of the reference with the reach of its blocks, and of one window. */
import { useQuery } from "@tanstack/react-query";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { useFormats } from "@/design/formats";
import { Loading, Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { State } from "@/design/State";
import { Table } from "@/design/Table";
import styles from "./DistributionPanel.module.css";
import { type Bin, type Distribution, distributionQuery } from "./query";
import { monitorWords, type Said } from "./words";

interface DistributionPanelProps {
  ws: string;
  monitor: string;
  feature: string;
  window: number;
}

export function DistributionPanel({ ws, monitor, feature, window }: DistributionPanelProps) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const [, change] = useUrl();
  const { data, error, refetch } = useQuery(distributionQuery(ws, monitor, feature, window).options);
  const close = (
    <Button look="bare" onClick={() => change({ feature: "", window: "", monitor: "" })}>
      {said.close}
    </Button>
  );
  const note = said.window(say.exact(window, { utc: true, seconds: false }));
  return (
    <Section title={said.distribution(feature.slice(0, 200))} note={note} tools={close} level={3}>
      {error !== null && <Problem small error={error} onRetry={() => void refetch()} />}
      {error === null && data === undefined && <Loading />}
      {data !== undefined && <Shares of={data} />}
    </Section>
  );
}

function Shares({ of }: { of: Distribution }) {
  const said = useWords(monitorWords);
  const say = useFormats();
  const most = Math.max(0.01, ...of.bins.flatMap((bin) => [bin.most, bin.window, bin.reference]));
  const outside = of.bins.filter((bin) => bin.outside).length;
  return (
    <>
      <p className={styles.note}>
        {said.distributionNote(say.whole(of.rows), say.whole(of.reference_rows), of.blocks)} {said.outside(outside)}{" "}
        {of.value !== null && said.value(say.number(of.value, 2), say.number(of.bound))}
      </p>
      <Table
        label={said.distribution(of.feature)}
        rows={of.bins.map((bin, index) => ({ bin, index }))}
        rowKey={(row) => String(row.index)}
        columns={[
          { id: "bin", head: said.bin, cell: ({ bin }) => <bdi className={styles.bin}>{binText(bin, said, say)}</bdi> },
          { id: "drawn", head: `${said.reference} · ${said.here}`, cell: ({ bin }) => <Drawn bin={bin} most={most} /> },
          { id: "reference", head: said.reference, align: "end", cell: ({ bin }) => say.percent(bin.reference, 1) },
          { id: "blocks", head: said.blockRange, align: "end", cell: ({ bin }) => `${say.percent(bin.least, 1)} – ${say.percent(bin.most, 1)}` },
          { id: "window", head: said.here, align: "end", cell: ({ bin }) => <strong>{say.percent(bin.window, 1)}</strong> },
          { id: "outside", head: said.state, cell: ({ bin }) => bin.outside && <State tone="bad">{said.isOutside}</State> },
        ]}
      />
    </>
  );
}

/** A hairline from the least to the most of a block, a tick at the reference, a dot for the window. */
function Drawn({ bin, most }: { bin: Bin; most: number }) {
  const x = (share: number) => `${2 + (share / most) * 96}%`;
  return (
    <svg className={styles.drawn} height="16" aria-hidden="true">
      <line className={styles.reach} x1={x(bin.least)} x2={x(bin.most)} y1="8" y2="8" />
      <line className={styles.reference} x1={x(bin.reference)} x2={x(bin.reference)} y1="2" y2="14" />
      {bin.outside ? <rect className={styles.strange} x={x(bin.window)} y="4" width="8" height="8" transform="translate(-4 0)" /> : <circle className={styles.usual} cx={x(bin.window)} cy="8" r="4" />}
    </svg>
  );
}

function binText(bin: Bin, said: Said, say: ReturnType<typeof useFormats>): string {
  if (bin.sort === "value") return bin.value;
  if (bin.sort === "rest") return said.rest;
  if (bin.sort === "null") return said.null;
  if (bin.low === null) return bin.high === null ? said.rest : said.atMost(say.number(bin.high));
  return bin.high === null ? said.above(say.number(bin.low)) : said.between(say.number(bin.low), say.number(bin.high));
}
