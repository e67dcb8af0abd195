/* One rollout: is it safe to go on? */
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { ActButton } from "@/design/ActButton";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Page, Section } from "@/design/Page";
import { State } from "@/design/State";
import { AgreementByStage } from "./Agreement";
import { Cost } from "./Cost";
import { Guards } from "./Guards";
import { type Rollout, rolloutQuery, useGrowing } from "./query";
import styles from "./RolloutPage.module.css";
import { Stages } from "./Stages";
import { Story } from "./Story";
import { toneOf } from "./tones";
import { TrafficChart } from "./Traffic";
import { Variants } from "./Variants";
import { Verdict } from "./Verdict";
import { Watched } from "./Watched";
import { rolloutWords } from "./words";

export function RolloutPage({ ws, id }: { ws: string; id: string }) {
  const { data, waiting, refresh } = usePage(rolloutQuery(ws, id));
  const said = useWords(rolloutWords);
  useGrowing(data, refresh);
  const name = `${data.model}@${data.version}`;
  return (
    <Page
      title={name}
      question={said.question}
      above={
        <>
          <Go to={to.rollouts(ws)}>{said.rollouts}</Go>
          <Go to={to.model(ws, data.model, { version: data.version })}>{said.whyModel}</Go>
          <Go to={to.events(ws, { subject: id })}>{said.allEvents}</Go>
        </>
      }
      state={
        <State tone={toneOf(data.state, data.paused)}>
          {data.paused ? said.state.paused : (said.state[data.state] ?? data.state)}
        </State>
      }
      acts={<Acts of={data} name={name} />}
      command={`regie rollout show ${id} --workspace ${ws}`}
      exports={{ JSON: `/w/${ws}/api/v1/rollouts/${id}` }}
      waiting={waiting}
    >
      <p className={styles.of}>
        <bdi>{said.of(data.version, data.endpoint, data.environment)}</bdi>, {data.incumbent === null ? said.first : said.against(data.incumbent)}
      </p>
      <Verdict of={data} />
      <Section title={said.stages}>
        <Stages of={data} />
      </Section>
      {data.unread !== "" && <Empty small>{said.unread[data.unread] ?? data.unread}</Empty>}
      {data.guards.length > 0 && (
        <Section title={said.guards} note={data.windows && said.guardsNote(data.windows.needed, data.windows.of, data.windows.requests)}>
          <Guards of={data} />
        </Section>
      )}
      {data.watch && (
        <Section title={said.watched} note={data.watch.metric !== "" && said.watchNote(data.watch.metric)}>
          <Watched of={data.watch} />
        </Section>
      )}
      {data.traffic && <TrafficSection of={data} traffic={data.traffic} />}
      {data.unread === "" && data.incumbent !== null && (
        <Section title={said.agreement} note={said.agreementNote}>
          <AgreementByStage of={data.agreement} />
        </Section>
      )}
      {data.damage && (
        <Section title={said.damage}>
          <Cost of={data.damage} />
        </Section>
      )}
      <Section title={said.story}>
        <Story of={data} />
      </Section>
    </Page>
  );
}

function TrafficSection({ of, traffic }: { of: Rollout; traffic: NonNullable<Rollout["traffic"]> }) {
  const said = useWords(rolloutWords);
  const say = useFormats();
  const note = traffic.complete ? said.trafficNote(say.duration(traffic.step_ms)) : said.counting(say.exact(traffic.since_ms, { utc: true, seconds: false }));
  return (
    <>
      <Section title={said.traffic} note={note}>
        <TrafficChart of={of} traffic={traffic} />
      </Section>
      <Section title={said.variants}>
        <Variants of={of} traffic={traffic} />
      </Section>
    </>
  );
}

const LOOKS: Record<string, "plain" | "danger"> = { abort: "danger" };

function Acts({ of, name }: { of: Rollout; name: string }) {
  const said = useWords(rolloutWords);
  return of.acts.map((act) => {
    const verb = act.action.replace("rollout.", "");
    return <ActButton key={verb} act={act} workspace={of.workspace} label={said.acts[verb] ?? verb} of={name} meaning={said.actMeaning[verb]} look={LOOKS[verb] ?? "plain"} />;
  });
}
