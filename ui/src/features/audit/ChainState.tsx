/* The state of the chain: what was verified when, up to which record and hash; the button that verifies it now, and how far that is. */
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useLanguage, useWords } from "@/app/i18n";
import { useOfferAct } from "@/app/pageActs";
import { Button } from "@/design/Button";
import { Short } from "@/design/Code";
import { Command } from "@/design/CopyCommand";
import { useFormats } from "@/design/formats";
import { KeyValues } from "@/design/KeyValues";
import { Section } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { State, type Tone } from "@/design/State";
import { Table } from "@/design/Table";
import { Time } from "@/design/Time";
import { whySentence } from "@/design/why";
import { RegieError } from "@/api/error";
import styles from "./AuditPage.module.css";
import { type Chain, chainOf, type Verification, verify } from "./query";
import { auditWords } from "./words";

const LOOK_MS = 2_000;

export function ChainState({ ws, chain: told, onVerified }: { ws: string; chain: Chain; onVerified: () => void }) {
  const said = useWords(auditWords);
  const say = useFormats();
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const looking = asking || told.running !== null;
  const look = useQuery({ queryKey: ["chain", ws], queryFn: () => chainOf(ws), enabled: looking, refetchInterval: looking ? LOOK_MS : false, staleTime: 0 });
  const [known, setKnown] = useState<Chain | null>(null);
  const chain = (looking ? look.data : known) ?? told;
  const running = chain.running;
  const begin = async () => {
    setAsking(true);
    setError(null);
    try {
      await verify(ws, told.verify.path);
    } catch (failed) {
      // What is broken is told by the chain itself, with its number.
      if (!(failed instanceof RegieError) || failed.code !== "audit.broken") setError(failed);
    }
    setKnown(await chainOf(ws).catch(() => null));
    setAsking(false);
    onVerified();
  };
  return (
    <Section title={said.chain} note={said.chainHint} tools={<Verify chain={chain} busy={asking || running !== null} onBegin={() => void begin()} />}>
      <div className={styles.chain}>
        <p className={styles.verdict} role="status">
          <Verdict of={chain.last} busy={asking || running !== null} />
          {running !== null && (
            <>
              {" "}
              <progress className={styles.progress} value={running.records} max={running.of} aria-label={said.verifying} />{" "}
              {said.progress(say.whole(running.records), say.whole(running.of))}
            </>
          )}
        </p>
        {error !== null && <Problem small error={error} />}
        {chain.last !== null && <Found of={chain.last} />}
        <KeyValues
          facts={[
            chain.head !== null && { name: said.head, value: <>{say.whole(chain.head.seq)} <Short of={chain.head.hash} length={16} /></> },
            { name: said.anchor, value: <Command>{chain.anchor_command}</Command>, note: said.anchorHint },
          ]}
        />
        {chain.before.length > 0 && <Earlier of={chain.before} />}
      </div>
    </Section>
  );
}

function Verify({ chain, busy, onBegin }: { chain: Chain; busy: boolean; onBegin: () => void }) {
  const said = useWords(auditWords);
  const { language } = useLanguage();
  const id = useId();
  const allowed = chain.verify.allowed && !busy;
  useOfferAct({ id, label: said.verify, of: said.chain, begin: onBegin }, allowed);
  return (
    <span>
      <Button look="main" off={!allowed} aria-describedby={id} title={chain.verify.command} onClick={onBegin}>
        {said.verify}
      </Button>
      <span id={id} className="sr">
        {chain.verify.why ? whySentence(language, chain.verify.why) : busy ? said.verifying : said.verifyWhat}
      </span>
    </span>
  );
}

function Verdict({ of, busy }: { of: Verification | null; busy: boolean }) {
  const said = useWords(auditWords);
  const [tone, text, todo] = verdictOf(of, busy, said);
  return (
    <>
      <strong>
        <State tone={tone}>{text}</State>
      </strong>
      {todo !== "" && <span className={styles.todo}> {todo}</span>}
    </>
  );
}

/** The server's finding in words; nothing is judged here. */
function verdictOf(of: Verification | null, busy: boolean, said: typeof auditWords.en): [Tone, string, string] {
  if (busy) return ["moving", said.verifying, ""];
  if (of === null) return ["quiet", said.never, ""];
  if (of.broken !== null) {
    const reason = (said.reasons as Readonly<Record<string, string>>)[of.reason] ?? of.reason;
    return ["bad", `${said.brokenAt(of.broken)}: ${reason}`, said.brokenDo];
  }
  if (!of.still) return ["bad", said.rewritten, said.rewrittenDo];
  return ["good", of.since === 0 ? said.holds : said.holdsSince(of.since), ""];
}

function Found({ of }: { of: Verification }) {
  const said = useWords(auditWords);
  const say = useFormats();
  return (
    <KeyValues
      facts={[
        { name: said.verified, value: <><Time ms={of.wall_ms} /> <span className={styles.quiet}>(<Time ms={of.wall_ms} as="exact" />)</span></> },
        { name: said.by, value: <bdi>{of.by}</bdi> },
        { name: said.upTo, value: <>{say.whole(of.records)} <Short of={of.hash} length={16} /></> },
        { name: said.events, value: say.whole(of.events) },
        { name: said.took, value: say.duration(of.took_ms) },
        of.anchored !== null && { name: said.anchored, value: say.whole(of.anchored) },
      ]}
    />
  );
}

function Earlier({ of }: { of: readonly Verification[] }) {
  const said = useWords(auditWords);
  const say = useFormats();
  return (
    <details>
      <summary>{said.earlier}</summary>
      <Table
        label={said.earlier}
        rows={of}
        rowKey={(row) => String(row.wall_ms)}
        columns={[
          { id: "when", head: said.time, cell: (row) => <Time ms={row.wall_ms} as="exact" /> },
          { id: "by", head: said.by, cell: (row) => <bdi>{row.by}</bdi> },
          {
            id: "found", head: said.result,
            cell: (row) => (row.broken === null ? <State tone="good">{said.whole}</State> : <State tone="bad">{said.brokenAt(row.broken)}</State>),
          },
          { id: "upTo", head: said.upTo, align: "end", cell: (row) => say.whole(row.records) },
          { id: "hash", head: said.hash, cell: (row) => <Short of={row.hash} length={16} /> },
        ]}
      />
    </details>
  );
}
