/* Code beside that of the reference, file by file, where both are kept here. */
import { Suspense, useId } from "react";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Name } from "@/design/Code";
import { Loading } from "@/design/Page";
import styles from "./Compare.module.css";
import { type CodeAnswer, codeQuery, type CompareAnswer } from "./query";
import { compareWords } from "./words";

export function CodeDifferences({ ws, of }: { ws: string; of: CompareAnswer }) {
  const said = useWords(compareWords);
  const [search, change] = useUrl();
  const id = useId();
  const reference = of.runs.find((one) => one.id === of.reference);
  const known = of.runs.filter((one) => one.code !== "");
  const others = known.filter((one) => one.code !== reference?.code);
  if (known.length === 0) return <p className={styles.small}>{said.codeNone}</p>;
  if (reference === undefined || reference.code === "") return <p className={styles.small}>{said.codeUnknown}</p>;
  if (others.length === 0) return <p className={styles.small}>{said.codeAllSame}</p>;
  const chosen = others.find((one) => one.id === search.code) ?? others[0];
  if (chosen === undefined) return null;
  return (
    <div className={styles.stack}>
      <div className={styles.options}>
        <label htmlFor={id}>{said.beside}</label>
        <select id={id} value={chosen.id} onChange={(event) => change({ code: event.target.value })}>
          {others.map((one) => (
            <option key={one.id} value={one.id}>
              {(one.name || said.unnamed).slice(0, 60)} ({one.code.slice(7, 15)})
            </option>
          ))}
        </select>
      </div>
      <Suspense fallback={<Loading />}>
        <Files ws={ws} reference={of.reference} run={chosen.id} name={chosen.name || said.unnamed} />
      </Suspense>
    </div>
  );
}

function Files({ ws, reference, run, name }: { ws: string; reference: string; run: string; name: string }) {
  const said = useWords(compareWords);
  const { data, waiting } = usePage(codeQuery(ws, reference, run));
  if (!data.known) return <p className={styles.small}>{said.codeUnknown}</p>;
  if (data.files.length === 0) return <p className={styles.small}>{said.codeSame}</p>;
  return (
    <div className={styles.stack} role="group" aria-label={said.codeKnown(name)} aria-busy={waiting || undefined}>
      {data.files.map((one) => (
        <FileOf key={one.path} of={one} />
      ))}
      {data.more && <p className={styles.small}>{said.moreFiles}</p>}
    </div>
  );
}

const LOOKS: Record<string, string | undefined> = { "+": styles.addedLine, "-": styles.removedLine, "@": styles.placeLine };

function FileOf({ of }: { of: CodeAnswer["files"][number] }) {
  const said = useWords(compareWords);
  return (
    <section aria-label={of.path}>
      <h3 className={styles.path}>
        <Name>{of.path}</Name> <span className={styles.small}>{said[of.state]}</span>
      </h3>
      <pre className={styles.code} tabIndex={0} role="region" aria-label={of.path} dir="ltr">
        {of.lines.map((line, index) => (
          <span key={`${index}${line.slice(0, 8)}`} className={LOOKS[line[0] ?? ""] ?? styles.sameLine}>
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
      {of.cut && <p className={styles.small}>{said.cutFile}</p>}
    </section>
  );
}
