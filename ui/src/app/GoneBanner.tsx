/* The server is gone: since when, and of when the figures are. It says nothing else, and goes by itself. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { silentSince } from "@/api/presence";
import { useValue } from "@/api/store";
import { useFormats } from "@/design/formats";
import { Mark } from "@/design/State";
import styles from "./GoneBanner.module.css";
import { useWords } from "./i18n";
import { shellWords } from "./words";

export function GoneBanner() {
  const said = useWords(shellWords);
  const say = useFormats();
  const client = useQueryClient();
  const silent = useValue(silentSince);
  const was = useRef(silent);
  // What happened meanwhile is not known: everything that is shown is fetched again; of a hidden tab, when it is seen.
  useEffect(() => {
    if (was.current !== null && silent === null) void client.invalidateQueries({ refetchType: document.hidden ? "none" : "active" });
    was.current = silent;
  }, [silent, client]);
  const asOf = client
    .getQueryCache()
    .findAll({ type: "active" })
    .reduce((latest, one) => Math.max(latest, one.state.dataUpdatedAt), 0);
  return (
    <div role="status" className={silent === null ? styles.none : styles.gone}>
      {silent !== null && (
        <>
          <Mark tone="bad" /> {said.gone(say.clock(silent))} {asOf > 0 && said.goneFigures(say.clock(asOf))} {said.goneDo}
        </>
      )}
    </div>
  );
}
