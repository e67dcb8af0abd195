/* Files, folder by folder as they are opened; beside them the one that is looked at. */
import { useState } from "react";
import { useWords } from "@/app/i18n";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import { Empty } from "@/design/Empty";
import { useFormats } from "@/design/formats";
import { Problem } from "@/design/Problem";
import { FilePreview } from "./FilePreview";
import { type Folder, readFolder, type RunAnswer } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

export function Artifacts({ ws, of }: { ws: string; of: RunAnswer }) {
  const said = useWords(runWords);
  const [search] = useUrl();
  const { file = "" } = search;
  const models = of.models.filter((one) => !one.gone);
  if (of.artifacts.entries.length === 0 && models.length === 0) return <Empty command={said.noArtifactsCommand}>{said.noArtifacts}</Empty>;
  return (
    <div className={styles.files}>
      <nav className={styles.tree} aria-label={said.files}>
        <Entries ws={ws} first={of.artifacts} opened={file} />
        {models.map((one) => (
          <FolderLine key={one.id} ws={ws} place={`models/${one.id}`} name={said.ofModel(one.name)} opened={file} begin={search.root === `models/${one.id}`} />
        ))}
      </nav>
      <div className={styles.preview}>
        {file === "" ? <p className={styles.small}>{said.chooseFile}</p> : <FilePreview key={file} ws={ws} run={of.run} place={file} />}
      </div>
    </div>
  );
}

/** What a folder holds, page by page. */
function Entries({ ws, first, opened }: { ws: string; first: Folder; opened: string }) {
  const said = useWords(runWords);
  const say = useFormats();
  const [, change] = useUrl();
  const [pages, setPages] = useState<readonly Folder[]>([]);
  const [error, setError] = useState<unknown>(null);
  const all = [first, ...pages];
  const { next } = all[all.length - 1] as Folder;
  const more = () => {
    setError(null);
    readFolder(ws, first.place, next ?? "").then((found) => setPages([...pages, found]), setError);
  };
  const entries = all.flatMap((page) => page.entries);
  return (
    <ul>
      {entries.length === 0 && <li className={styles.small}>{said.emptyFolder}</li>}
      {entries.map((one) => {
        const place = `${first.place}/${one.name}`;
        return one.bytes === null ? (
          <li key={`${one.name}/`}>
            <FolderLine ws={ws} place={place} name={one.name} opened={opened} begin={opened.startsWith(`${place}/`)} />
          </li>
        ) : (
          <li key={one.name}>
            <button type="button" className={styles.file} aria-current={opened === place || undefined} onClick={() => change({ file: place })}>
              <Name>{one.name}</Name>
              <span className={styles.small}>{say.bytes(one.bytes)}</span>
            </button>
          </li>
        );
      })}
      {next !== null && (
        <li>
          <Button look="bare" onClick={more}>
            {said.more}
          </Button>
        </li>
      )}
      {error !== null && (
        <li>
          <Problem small error={error} onRetry={more} />
        </li>
      )}
    </ul>
  );
}

function FolderLine({ ws, place, name, opened, begin }: { ws: string; place: string; name: string; opened: string; begin: boolean }) {
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState<Folder | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [begun, setBegun] = useState(false);
  const load = () => {
    setError(null);
    readFolder(ws, place, "").then(setFound, setError);
  };
  const toggle = () => {
    setOpen(!open);
    if (!open && found === null) load();
  };
  if (begin && !begun) {
    setBegun(true);
    setOpen(true);
    load();
  }
  return (
    <>
      <button type="button" className={styles.file} aria-expanded={open} onClick={toggle}>
        <span aria-hidden="true" className={open ? styles.opened : styles.closed} />
        <Name>{name}</Name>
      </button>
      {open && found !== null && <Entries ws={ws} first={found} opened={opened} />}
      {open && error !== null && <Problem small error={error} onRetry={load} />}
    </>
  );
}
