/* Why a task ran, or why the cache answered: the rule, and the parts of its key, what differs first. */
import { to } from "@/app/links";
import { useWords } from "@/app/i18n";
import { useUrlText } from "@/app/url";
import { Button } from "@/design/Button";
import { Short } from "@/design/Code";
import { Go } from "@/design/Go";
import { KeyValues } from "@/design/KeyValues";
import { Table } from "@/design/Table";
import type { Chosen, Part } from "./query";
import styles from "./TaskPanel.module.css";
import { pipelineWords } from "./words";

export function WhyItRan({ ws, run, chosen }: { ws: string; run: string; chosen: Chosen }) {
  const said = useWords(pipelineWords);
  const { why } = chosen;
  const [opened, setOpened] = useUrlText("same");
  const all = opened === "1";
  const differing = why.parts.filter((part) => part.differs);
  const same = why.parts.filter((part) => !part.differs);
  const other = chosen.computed_run || why.before_run;
  const shown = why.rule === "first.time" || all ? same : [];
  return (
    <div className={styles.stack}>
      <p className={styles.rule}>{said.rules[why.rule] ?? why.rule}</p>
      {other !== "" && (
        <p className={styles.beside}>
          {chosen.computed_run ? said.computedBy : said.comparedWith}{" "}
          <Go to={to.steps(ws, other)}>
            <code>{other.slice(-8)}</code>
          </Go>
          {other !== run && (
            <>
              {" · "}
              <Go to={to.compare(ws, [other, run])}>{said.compare}</Go>
            </>
          )}
        </p>
      )}
      {differing.length > 0 && <Parts ws={ws} parts={differing} label={said.differing(why.differing)} twoSides />}
      {shown.length > 0 && <Parts ws={ws} parts={shown} label={why.rule === "first.time" ? said.ofKey(same.length) : said.same(same.length)} />}
      {why.rule !== "first.time" && same.length > 0 && (
        <Button look="bare" aria-expanded={all} onClick={() => setOpened(all ? "" : "1", { replace: true })}>
          {said.same(same.length)}
        </Button>
      )}
      <KeyValues facts={[{ name: said.key, value: <Short of={chosen.cache_key} length={16} /> }]} />
    </div>
  );
}

function Parts({ parts, label, twoSides = false }: { ws: string; parts: readonly Part[]; label: string; twoSides?: boolean }) {
  const said = useWords(pipelineWords);
  const part = (one: Part) => (
    <span>
      <span className={styles.sort}>{said.sorts[one.sort]}</span> <bdi className={styles.partName}>{one.name}</bdi>
    </span>
  );
  return (
    <figure className={styles.parts} tabIndex={0} aria-label={label}>
      <figcaption>{label}</figcaption>
      <Table
        label={label}
        rows={parts}
        rowKey={(one) => `${one.sort} ${one.name}`}
        columns={[
          { id: "part", head: said.part, cell: part },
          ...(twoSides ? [{ id: "before", head: said.before, cell: (one: Part) => <Said text={one.before} /> }] : []),
          { id: "now", head: said.now, cell: (one: Part) => <Said text={one.now} /> },
        ]}
      />
    </figure>
  );
}

/** A digest to copy, or a value as it is. */
function Said({ text }: { text: string }) {
  const said = useWords(pipelineWords);
  if (text === "") return <span className={styles.absent}>{said.absent}</span>;
  if (/^sha256:[0-9a-f]{64}$/.test(text)) {
    return (
      <span>
        <Short of={text} length={10} />
      </span>
    );
  }
  return <code className={styles.value}>{text}</code>;
}
