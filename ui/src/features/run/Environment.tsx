/* What was installed, where that is known. */
import { useWords } from "@/app/i18n";
import { Short } from "@/design/Code";
import { Empty } from "@/design/Empty";
import { PairTable } from "./Pairs";
import type { RunAnswer } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

export function Environment({ source }: { source: RunAnswer["source"] }) {
  const said = useWords(runWords);
  if (source.packages_of === "") return <Empty>{said.noPackages}</Empty>;
  return (
    <div className={styles.stack}>
      <p className={styles.small}>
        {source.packages_of === "lock" ? said.fromLock : said.fromModel}{" "}
        {source.lock !== "" && (
          <>
            {said.lock} <Short of={source.lock} />
          </>
        )}
      </p>
      <PairTable label={said.environment} head={said.package} value={said.version} rows={source.packages} empty={said.noPackages} />
    </div>
  );
}
