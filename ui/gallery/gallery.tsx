/* Every shared part beside the others, to look at while they are worked on: `npx vite`, then /gallery/index.html. It is in no build. */
import { MantineProvider, Select, TextInput } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "@/api/page";
import { SpeakingProvider } from "@/app/i18n";
import "@/app/mantine.css";
import "@/app/theme.css";
import { showScheme } from "@/app/scheme";
import { resolver, theme } from "@/app/theme";
import { parseSearch, stringifySearch } from "@/app/url";
import { ActButton } from "@/design/ActButton";
import { Bars } from "@/design/Bars";
import { Button } from "@/design/Button";
import { Code, Name, Short } from "@/design/Code";
import type { Column } from "@/design/columns";
import { ColumnChoice } from "@/design/ColumnChoice";
import { DataTable } from "@/design/DataTable";
import { Empty } from "@/design/Empty";
import { Difference, Figure, Key, Keys } from "@/design/Figure";
import { HeatStrip } from "@/design/HeatStrip";
import { IntervalBar } from "@/design/Interval";
import { KeyValues } from "@/design/KeyValues";
import { LineChart } from "@/design/LineChart";
import { Page, Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { Sparkline } from "@/design/Sparkline";
import { State } from "@/design/State";
import { Table } from "@/design/Table";
import { Tabs } from "@/design/Tabs";
import { Time } from "@/design/Time";
import { RegieError } from "@/api/error";

const HOSTILE = "<img src=x onerror=alert(1)> \u202Eright to left\u202C " + "very ".repeat(60) + "long";
const wave = (phase: number, points: number) => Array.from({ length: points }, (_, at) => Math.sin(at / 20 + phase) + phase / 10 + (at % 7) / 50);
const steps = Array.from({ length: 1000 }, (_, at) => at);
const days = Array.from({ length: 200 }, (_, at) => Date.UTC(2013, 0, 1) + at * 86_400_000);

interface Row {
  id: string;
  name: string;
  auc: number;
  at: number;
}
const ROWS: Row[] = Array.from({ length: 10_000 }, (_, at) => ({ id: `r${at}`, name: at === 3 ? HOSTILE : `train ${at}`, auc: 0.7 + (at % 97) / 400, at: Date.now() - at * 60_000 }));
const COLUMNS: Column<Row>[] = [
  { id: "name", head: "Run", cell: (row) => <Name>{row.name}</Name>, width: 260 },
  { id: "state", head: "State", cell: () => <State tone="good">finished</State> },
  { id: "auc", head: "auc", align: "end", sort: "auc", cell: (row) => <Figure value={row.auc} decimals={4} /> },
  { id: "loss", head: "logloss", align: "end", sort: "loss", cell: (row) => <Figure value={1 - row.auc} decimals={4} /> },
  { id: "at", head: "Began", sort: "at", cell: (row) => <Time ms={row.at} />, width: 160 },
];
const rowKey = (row: Row) => row.id;

function Gallery() {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(["r1"]));
  const [shown, setShown] = useState(COLUMNS.map((one) => one.id));
  const [pointed, setPointed] = useState<number | null>(null);
  const columns = useMemo(() => COLUMNS.filter((one) => shown.includes(one.id)), [shown]);
  const many = useMemo(() => Array.from({ length: 100 }, (_, at) => ({ id: `c${at}`, name: `run ${at}`, xs: steps, ys: wave(at / 9, 1000) })), []);
  const few = useMemo(
    () => [
      { id: "a", name: "champion", xs: days, ys: wave(0, 200).map((y, at) => (at > 90 && at < 110 ? null : y)), low: wave(0, 200).map((y) => y - 0.3), high: wave(0, 200).map((y) => y + 0.3) },
      { id: "b", name: "challenger", xs: days, ys: wave(1, 200) },
    ],
    [],
  );
  const cells = useMemo(() => days.map((day, at) => ({ id: String(day), level: (at % 31 === 0 ? null : Math.min(5, Math.floor((at % 40) / 7))) as 0, broken: at % 40 > 36 })), []);
  const act = { action: "rollout.abort", path: "/api/v1/rollouts/1/abort", allowed: true, command: "regie rollout abort 018f --reason '...'" };
  return (
    <div style={{ padding: 24 }}>
      <Page
        title="Parts of the control room"
        question="What is there to build a page with?"
        state={<State tone="moving">canary</State>}
        command="regie status"
        exports={{ CSV: "/x.csv", JSON: "/x.json" }}
        acts={
          <>
            <ActButton act={act} workspace="flights" label="Pause" of="delay" />
            <ActButton act={{ ...act, allowed: false, why: { code: "no_right", values: { actor: "eve", action: "rollout.abort" } } }} workspace="flights" label="Abort" look="danger" />
          </>
        }
      >
        <Section title="States and figures" note="a shape and a word">
          <Keys>
            <Key label="auc" note={<Difference value={0.0123} better={true} low={0.004} high={0.021} decimals={4} />}>
              <Figure value={0.8123} decimals={4} />
            </Key>
            <Key label="log loss" note={<Difference value={0.02} better={false} />}>
              <Figure value={0.4} />
            </Key>
            <Key label="p95" note={<Difference value={-3} better={null} as="duration" />}>
              <Figure value={12.3} as="duration" />
            </Key>
            <Key label="package">
              <Figure value={3_400_000} as="bytes" />
            </Key>
            <Key label="nothing">
              <Figure value={null} />
            </Key>
          </Keys>
          <div style={{ display: "flex", gap: 20, flexWrap: "wrap" }}>
            {(["good", "bad", "needs", "moving", "quiet", "off"] as const).map((tone) => (
              <State key={tone} tone={tone}>
                {tone}
              </State>
            ))}
            <Sparkline values={wave(0, 40).map((y, at) => (at === 20 ? null : y))} label="auc over 40 days" bound={0} />
            <Time ms={Date.now() - 3_900_000} />
            <Time ms={Date.now()} as="exact" />
            <Short of="sha256:0f3ab3c1e2d4" />
          </div>
          <KeyValues
            facts={[
              { name: "Model", value: <Name>{HOSTILE}</Name> },
              { name: "Began", value: <Time ms={Date.UTC(2013, 5, 1)} business="flights" as="exact" /> },
              { name: "Author", value: "ada", note: "may not approve" },
            ]}
          />
          <div style={{ maxWidth: 420 }}>
            <IntervalBar label="auc" value={0.81} low={0.79} high={0.83} bound={0.8} breaks="below" holds={null} scale={[0.7, 0.9]} />
            <IntervalBar label="auc" value={0.85} low={0.83} high={0.87} bound={0.8} breaks="below" holds scale={[0.7, 0.9]} />
            <IntervalBar label="auc" value={0.75} low={0.73} high={0.77} bound={0.8} breaks="below" holds={false} scale={[0.7, 0.9]} />
          </div>
        </Section>
        <Section title="Charts">
          <LineChart title="auc by day" x="business" curves={few} marks={[{ id: "1", x: days[60] as number, label: "delay@3 promoted", tone: "good" }, { id: "2", x: days[120] as number, label: "drift", tone: "bad" }]} bounds={[{ y: -0.8, label: "at least −0.8" }]} sync="demo" />
          <LineChart title="the same" x="business" curves={few.slice(0, 1)} sync="demo" height={120} />
          <LineChart title="loss of 100 runs" curves={many} />
          <HeatStrip label="temp" cells={cells} describe={(cell, at) => `window ${at}: level ${cell.level}`} pointed={pointed} onPoint={setPointed} />
          <Bars title="carrier before and after" labels={["AA", "UA", "DL", "WN", "B6"]} series={[{ name: "before", values: [0.2, 0.3, 0.1, 0.3, 0.1] }, { name: "after", values: [0.1, 0.35, 0.15, 0.2, 0.2] }]} as="percent" />
        </Section>
        <Section title="Tables" tools={<ColumnChoice columns={COLUMNS} chosen={shown} onChoose={setShown} />}>
          <DataTable label="Runs" rows={ROWS} columns={columns} rowKey={rowKey} sort={{ by: "auc", down: true }} onSort={() => undefined} maxHeight="20rem" chosen={chosen} onChoose={(key, on) => setChosen((before) => new Set(on ? [...before, key] : [...before].filter((one) => one !== key)))} />
          <Table label="Short" rows={ROWS.slice(0, 4)} columns={COLUMNS} rowKey={rowKey} marked={(row) => row.id === "r1"} />
        </Section>
        <Section title="Words">
          <Empty command="regie init && regie up">No model is watched here yet. A regie.yaml promises what is.</Empty>
          <Problem small error={new RegieError(409, "rollout.ended", "rollout 018f has ended", "rollout 018f", "regie rollout list")} onRetry={() => undefined} />
          <Code label="regie.yaml">{"regie: 1\nworkspace: flights\n" + HOSTILE}</Code>
          <Tabs label="Evidence" tabs={[{ id: "gates", label: "Gates", note: "4", panel: () => <p>gates</p> }, { id: "data", label: "Data", panel: () => <p>data</p> }]} />
          <div style={{ display: "flex", gap: 12, flexWrap: "wrap", alignItems: "end" }}>
            <Button>Plain</Button>
            <Button look="main">Main</Button>
            <Button look="danger">Danger</Button>
            <Button look="bare">Bare</Button>
            <Button off>Off</Button>
            <TextInput label="Filter" placeholder="auc > 0.8" />
            <Select label="Sort" data={["auc", "loss"]} defaultValue="auc" />
          </div>
        </Section>
      </Page>
    </div>
  );
}

showScheme();
const router = createRouter({ routeTree: createRootRoute({ component: Gallery, notFoundComponent: Gallery }), parseSearch, stringifySearch });
createRoot(document.getElementById("root") as HTMLElement).render(
  <MantineProvider theme={theme} cssVariablesResolver={resolver} defaultColorScheme="auto">
    <SpeakingProvider>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </SpeakingProvider>
  </MantineProvider>,
);
