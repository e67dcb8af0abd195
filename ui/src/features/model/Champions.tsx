/* The history of the champions: their times on one line below the promised metric, and how each of them came and went. */
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useFormats } from "@/design/formats";
import { Go } from "@/design/Go";
import { Section } from "@/design/Page";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import styles from "./Champions.module.css";
import { ChampionLine } from "./ChampionLine";
import type { Model, Reign } from "./query";
import { modelWords } from "./words";

export function Champions({ of, ws }: { of: Model; ws: string }) {
  const said = useWords(modelWords);
  const say = useFormats();
  const newest = [...of.history].reverse();
  return (
    <Section title={said.champions} id="champions">
      <ChampionLine of={of} ws={ws} />
      <Table<Reign>
        label={said.champions}
        rows={newest}
        rowKey={(one) => `${one.endpoint}${String(one.from_ms)}`}
        marked={(one) => one.to_ms === null}
        columns={[
          { id: "version", head: said.versionHead, cell: (one) => <Go to={to.model(ws, of.model, { version: one.version })}>{said.version(one.version)}</Go> },
          { id: "from", head: said.from, cell: (one) => <Time ms={one.from_ms} business={ws} as="minute" /> },
          { id: "lasted", head: said.reigned, align: "end", cell: (one) => say.duration((one.to_ms ?? of.now_ms) - one.from_ms) },
          { id: "came", head: said.cameHead, cell: (one) => <Turn of={one.came} ws={ws} text={said.came(one.came)} /> },
          { id: "went", head: said.wentHead, cell: (one) => <Turn of={one.went} ws={ws} text={said.went(one.went)} /> },
        ]}
      />
    </Section>
  );
}

function Turn({ of, ws, text }: { of: Reign["came"]; ws: string; text: string }) {
  return (
    <span className={styles.turn}>
      {of.rollout !== "" && of.how !== "rolled_back" ? <Go to={to.rollout(ws, of.rollout)}>{text}</Go> : text}
      {of.reason !== "" && (
        <span className={styles.reason} title={of.reason}>
          <bdi>{of.reason}</bdi>
        </span>
      )}
    </span>
  );
}
