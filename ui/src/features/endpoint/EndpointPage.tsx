/* The endpoint of a workspace: fast, and paying its way? */
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrlText } from "@/app/url";
import { Button } from "@/design/Button";
import { Empty } from "@/design/Empty";
import { Figure, Key, Keys } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Page, Section } from "@/design/Page";
import { State, type Tone } from "@/design/State";
import styles from "./EndpointPage.module.css";
import { type Endpoint, endpointQuery, type Last, SPANS, type Traffic, USUAL, useGrowing } from "./query";
import { Nodes, Route } from "./Serving";
import { Speed } from "./Speed";
import { TryForm } from "./TryForm";
import { endpointWords } from "./words";

export function EndpointPage({ ws }: { ws: string }) {
  const [chosen, choose] = useUrlText("last", USUAL);
  const last = SPANS.find((one) => one === chosen) ?? USUAL;
  const { data, waiting, refresh } = usePage(endpointQuery(ws, last));
  const said = useWords(endpointWords);
  useGrowing(data, refresh);
  if (data.missing !== "" && data.endpoint === "") {
    return (
      <Page title={said.endpoint} question={said.question}>
        <Empty command="regie apply">{said.missing[data.missing]}</Empty>
      </Page>
    );
  }
  return (
    <Page
      title={data.endpoint}
      question={said.question}
      above={<Above of={data} />}
      state={<Answering of={data} />}
      command={`regie status --workspace ${ws}`}
      exports={{ JSON: `/w/${ws}/api/v1/pages/endpoint?last=${last}` }}
      waiting={waiting}
    >
      {data.missing !== "" && <Empty command={said.train}>{said.missing[data.missing]}</Empty>}
      {data.traffic && (
        <>
          <Spans chosen={last} onChoose={choose} />
          <Sums of={data} traffic={data.traffic} />
          <Speed of={data} traffic={data.traffic} />
        </>
      )}
      {data.variants.length > 0 && (
        <Section title={said.route} note={said.routeNote(data.generation)}>
          <Route of={data} />
        </Section>
      )}
      <Section title={said.nodes}>
        <Nodes of={data} />
      </Section>
      {data.champion !== null && (
        <Section title={said.form} id="try">
          {data.form ? <TryForm key={data.champion} of={data.form} ws={ws} /> : <Empty small>{said.noForm}</Empty>}
        </Section>
      )}
    </Page>
  );
}

function Above({ of }: { of: Endpoint }) {
  const said = useWords(endpointWords);
  return (
    <>
      <bdi>{said.of(of.model, of.environment)}</bdi>
      {of.champion !== null && <Go to={to.model(of.workspace, of.model, { version: of.champion })}>{said.model}</Go>}
      {of.rollout !== null && <Go to={to.rollout(of.workspace, of.rollout)}>{said.rollout}</Go>}
    </>
  );
}

const TONES: Record<string, Tone> = { serving: "good", behind: "moving", failed: "bad", away: "bad" };
const WORST = ["failed", "behind", "serving"] as const;

function Answering({ of }: { of: Endpoint }) {
  const said = useWords(endpointWords);
  if (of.champion === null) return null;
  const alive = of.nodes.filter((one) => one.live);
  const worst = WORST.find((state) => alive.some((one) => one.state === state)) ?? "away";
  return <State tone={TONES[worst] ?? "quiet"}>{worst === "serving" ? said.champion(of.champion) : (said.nodeState[worst] ?? worst)}</State>;
}

function Spans({ chosen, onChoose }: { chosen: Last; onChoose: (last: string) => void }) {
  const said = useWords(endpointWords);
  return (
    <div className={styles.spans} role="group" aria-label={said.last}>
      {SPANS.map((one) => (
        <Button key={one} look="bare" aria-pressed={one === chosen} onClick={() => onChoose(one)}>
          {said.span[one] ?? one}
        </Button>
      ))}
    </div>
  );
}

function Sums({ of, traffic }: { of: Endpoint; traffic: Traffic }) {
  const said = useWords(endpointWords);
  const say = useFormats();
  const { felt } = traffic;
  const processes = of.nodes.flatMap((one) => one.processes ?? []).filter((one) => one.memory_bytes !== null);
  const memory = processes.reduce((sum, one) => sum + (one.memory_bytes ?? 0), 0);
  return (
    <Keys>
      {(["p50", "p95", "p99"] as const).map((name) => (
        <Key key={name} label={`${said.latency} ${name}`}>
          <Figure value={felt[name]} as="duration" />
        </Key>
      ))}
      <Key label={said.requests}>
        <Figure value={felt.requests} as="whole" />
      </Key>
      <Key label={said.failed} note={felt.requests > 0 ? say.percent(felt.failed / felt.requests) : said.failedNote}>
        <Figure value={felt.failed} as="whole" />
      </Key>
      <Key label={said.instead} note={said.insteadNote}>
        <Figure value={felt.instead} as="whole" />
      </Key>
      <Key label={said.memory} note={processes.length > 0 ? said.memoryNote(processes.length) : said.noMemory}>
        <Figure value={processes.length > 0 ? memory : null} as="bytes" />
      </Key>
    </Keys>
  );
}
