/* The home page: who needs me now? One line a model, those that need somebody first. */
import { TextInput } from "@mantine/core";
import { useEffect } from "react";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { commandInEach } from "@/design/CopyCommand";
import { Empty } from "@/design/Empty";
import { Page } from "@/design/Page";
import styles from "./ControlRoomPage.module.css";
import { FirstSteps } from "./FirstSteps";
import { ModelLines } from "./ModelLines";
import { NEEDS, Needs } from "./Needs";
import { controlRoomQuery } from "./query";
import { TrackedWorkspaces } from "./TrackedWorkspaces";
import { roomWords } from "./words";

/** As many as the server gives where nothing is asked. */
const USUAL = 200;
const MOST = 500;
const FEW = 8;
/** A serving node that dies, or comes, makes no event; the server calls one dead after ten seconds of silence. */
const LOOK_MS = 15_000;

export function ControlRoomPage() {
  const said = useWords(roomWords);
  const [search, change] = useUrl();
  const { q = "", all } = search;
  const need = NEEDS.find((one) => one === search.need) ?? "";
  const { data, waiting, refresh } = usePage(controlRoomQuery(q, need, all ? MOST : null));
  useEffect(() => {
    const look = setInterval(() => !document.hidden && refresh(), LOOK_MS);
    return () => clearInterval(look);
  }, [refresh]);
  const nothing = data.summary.models === 0;
  return (
    <Page
      title={said.title}
      question={said.question}
      command={commandInEach(data.lines.map((one) => one.workspace), "regie status")}
      exports={{ JSON: "/api/v1/pages/control-room" }}
      waiting={waiting}
    >
      {nothing && <FirstSteps alone={data.bare.length === 0} />}
      {!nothing && (
        <p className={styles.summary} role="status">
          {said.summary(data.summary)}
        </p>
      )}
      {!nothing && (
        <div className={styles.tools}>
          <Needs of={data.summary} chosen={need} onChoose={(chosen) => change({ need: chosen || undefined })} />
          {(data.summary.models > FEW || q !== "") && (
            <TextInput
              className={styles.search ?? ""}
              size="xs"
              aria-label={said.find}
              placeholder={said.find}
              value={q}
              onChange={(event) => change({ q: event.currentTarget.value || undefined }, { replace: true })}
            />
          )}
        </div>
      )}
      {!nothing && (data.lines.length > 0 ? <ModelLines lines={data.lines} /> : <Empty small>{said.noneFits}</Empty>)}
      {data.total > data.lines.length && data.lines.length <= USUAL && (
        <p className={styles.more}>
          {said.shown(data.lines.length, data.total)} <Button onClick={() => change({ all: "1" })}>{said.showAll}</Button>
        </p>
      )}
      {data.bare.length > 0 && <TrackedWorkspaces of={data.bare} />}
    </Page>
  );
}
