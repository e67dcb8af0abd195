/* The page of a model: why is this version here? The chain behind it, another version beside it, who came before, and the way back. */
import { address } from "@/api/client";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useUrlText } from "@/app/url";
import { ActButton } from "@/design/ActButton";
import { Empty } from "@/design/Empty";
import { Go } from "@/design/Go";
import { Page, Section } from "@/design/Page";
import { State } from "@/design/State";
import { Time } from "@/design/Time";
import { BesideVersions } from "./BesideVersions";
import { Chain } from "./Chain";
import { Champions } from "./Champions";
import styles from "./ModelPage.module.css";
import { type Model, modelQuery, VERSIONS } from "./query";
import { Versions } from "./Versions";
import { modelWords } from "./words";

export function ModelPage({ ws, name }: { ws: string; name: string }) {
  const said = useWords(modelWords);
  const [version] = useUrlText("version");
  const [beside] = useUrlText("beside");
  const asked = modelQuery(ws, name, version, beside);
  const { data, waiting } = usePage(asked);
  const title = data.crowned ? said.whyChampion(data.version ?? 0) : data.version === null ? said.noVersion : said.became(data.version);
  return (
    <Page
      title={name}
      question={said.question}
      state={<Serving of={data} />}
      acts={<WayBack of={data} />}
      command={data.version === null ? data.show_command : data.why_command}
      exports={{ JSON: asked.url, CSV: address(`${VERSIONS}/export`, ws, { name }) }}
      waiting={waiting}
    >
      {data.version === null && <Empty command={data.train_command || data.show_command}>{said.empty}</Empty>}
      {data.version !== null && (
        <Section title={title} id="why" tools={version !== "" && data.champion !== null && !data.crowned && <Go to={to.model(ws, name)}>{said.toChampion(data.champion)}</Go>}>
          {data.links.length > 0 ? <Chain links={data.links} ws={ws} model={name} now={data.now_ms} /> : <Empty small command={data.show_command}>{said.noChain}</Empty>}
        </Section>
      )}
      {data.beside !== null && <BesideVersions of={data.beside} ws={ws} model={name} champion={data.champion} challenger={data.challenger} />}
      {data.history.length > 0 && <Champions of={data} ws={ws} />}
      {data.version !== null && <Versions of={data.versions} ws={ws} model={name} chosen={data.version} />}
    </Page>
  );
}

function Serving({ of }: { of: Model }) {
  const said = useWords(modelWords);
  if (of.champion === null) return <State tone="off">{said.noChampion}</State>;
  return (
    <span className={styles.serving}>
      <State tone="good">{said.serves(of.champion, of.endpoint, of.environment)}</State>
      <span className={styles.since}>
        <Time ms={of.champion_ms} business={of.workspace} />
      </span>
      {of.challenger !== null && of.challenger !== of.champion && <State tone="moving">{said.competes(of.challenger)}</State>}
    </span>
  );
}

function WayBack({ of }: { of: Model }) {
  const said = useWords(modelWords);
  const { way_back: back } = of;
  const plan = back.from_version !== null && back.to !== null ? { from: back.from_version, to: back.to } : null;
  return (
    <ActButton
      act={back.act}
      workspace={of.workspace}
      label={said.rollBack}
      of={of.model}
      look="danger"
      body={{ from_version: back.from_version, endpoint: back.endpoint || null }}
      meaning={
        plan && (
          <>
            <span className={styles.plan}>
              <span>{said.version(plan.from)}</span>
              <span aria-hidden="true"> → </span>
              <span className="sr">{said.backTo}</span>
              <strong>{said.version(plan.to)}</strong>
            </span>
            {said.backMeans(plan.from, plan.to, back.endpoint, back.environment)}
            {back.ends_version !== null && ` ${back.ends_version === plan.from ? said.endsOwn : said.endsOther(back.ends_version)}`}
          </>
        )
      }
    />
  );
}
