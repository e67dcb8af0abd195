/* One file: a picture or a page in a sandbox, the first rows of a table, a piece of a text; else a download. It is never part of this page. */
import { Suspense, useEffect, useRef, useState } from "react";
import { usePage } from "@/api/page";
import { useWords } from "@/app/i18n";
import { Button } from "@/design/Button";
import { Code, Name } from "@/design/Code";
import { Figure } from "@/design/Figure";
import { useFormats } from "@/design/formats";
import { Loading } from "@/design/Page";
import { Table } from "@/design/Table";
import { downloadAddress, type Preview, previewQuery, type RunAnswer, shownAddress, type TablePart, type TextPart } from "./query";
import styles from "./Run.module.css";
import { runWords } from "./words";

const LOG = /(^|\/)logs?\/|\.log$/i;

interface FilePreviewProps {
  ws: string;
  run: RunAnswer["run"];
  place: string;
}

export function FilePreview({ ws, run, place }: FilePreviewProps) {
  const said = useWords(runWords);
  const grows = run.ended_ms === null && LOG.test(place);
  const [at, setAt] = useState<number | null>(grows ? -1 : null);
  const name = place.split("/").slice(2).join("/");
  return (
    <div className={styles.stack}>
      <div className={styles.fileHead}>
        <h3>
          <Name>{name}</Name>
        </h3>
        <a href={downloadAddress(ws, place)} download>
          {said.download}
        </a>
      </div>
      <Suspense fallback={<Loading />}>
        <Content ws={ws} run={run} place={place} name={name} at={at} onAt={setAt} />
      </Suspense>
    </div>
  );
}

interface ContentProps extends FilePreviewProps {
  name: string;
  at: number | null;
  onAt: (at: number | null) => void;
}

function Content(props: ContentProps) {
  const { ws, run, place, at } = props;
  const { data, waiting } = usePage(previewQuery(ws, run.id, place, at));
  return (
    <div className={styles.stack} aria-busy={waiting || undefined}>
      <Shown {...props} data={data} />
    </div>
  );
}

function Shown({ ws, run, place, name, at, onAt, data }: ContentProps & { data: Preview }) {
  const said = useWords(runWords);
  const address = shownAddress(ws, place, data.digest.slice(7, 19));
  switch (data.sort) {
    case "image":
      return <img className={styles.image} src={address} alt={said.image(name)} />;
    case "html":
      return (
        <>
          <p className={styles.small}>{said.sandbox}</p>
          <iframe className={styles.frame} src={address} sandbox="" referrerPolicy="no-referrer" title={said.page(name)} />
        </>
      );
    case "table":
      return data.table && <Rows of={data.table} name={name} />;
    case "text":
      return data.text && <Text of={data} part={data.text} name={name} going={run.ended_ms === null} following={at === -1} onAt={onAt} />;
    default:
      return <p className={styles.small}>{data.because === "too_large" ? said.tooLarge : said.binary}</p>;
  }
}

function Rows({ of, name }: { of: TablePart; name: string }) {
  const said = useWords(runWords);
  const say = useFormats();
  const rows = of.rows.map((cells, index) => ({ cells, index }));
  const columns = of.columns.map((head, place) => {
    const figures = of.rows.some((row) => typeof row[place] === "number") && of.rows.every((row) => typeof row[place] !== "string");
    return {
      id: String(place),
      head,
      align: figures ? ("end" as const) : ("start" as const),
      cell: (row: { cells: TablePart["rows"][number] }) => {
        const value = row.cells[place];
        if (value === null || value === undefined) return <Figure value={null} />;
        return typeof value === "number" ? <span title={String(value)}>{say.number(value)}</span> : <Name>{String(value)}</Name>;
      },
    };
  });
  return (
    <>
      <p className={styles.small}>
        {said.tableRows(of.rows.length, of.rows_count)} {of.more_columns && said.tableColumns}
      </p>
      <div className={styles.tableFrame} tabIndex={0} role="region" aria-label={said.tableOf(name)}>
        <Table label={said.tableOf(name)} rows={rows} columns={columns} rowKey={(row) => String(row.index)} named={false} />
      </div>
    </>
  );
}

interface TextProps {
  of: Preview;
  part: TextPart;
  name: string;
  going: boolean;
  following: boolean;
  onAt: (at: number | null) => void;
}

function Text({ of, part, name, going, following, onAt }: TextProps) {
  const said = useWords(runWords);
  const say = useFormats();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const text = box.current?.querySelector("pre");
    if (following && text) text.scrollTop = text.scrollHeight;
  }, [following, part.text]);
  if (of.bytes === 0) return <p className={styles.small}>{said.emptyFile}</p>;
  const size = part.end - part.begin;
  const whole = part.begin === 0 && part.end === of.bytes;
  return (
    <>
      {(!whole || going) && (
        <div className={styles.pager}>
          <span>{said.part(say.bytes(part.begin), say.bytes(part.end), say.bytes(of.bytes))}</span>
          <Button look="bare" off={part.begin === 0} onClick={() => onAt(0)}>
            {said.begin}
          </Button>
          <Button look="bare" off={part.begin === 0} onClick={() => onAt(Math.max(0, part.begin - size))}>
            {said.earlier}
          </Button>
          <Button look="bare" off={part.end === of.bytes} onClick={() => onAt(part.end)}>
            {said.later}
          </Button>
          <Button look="bare" off={part.end === of.bytes} onClick={() => onAt(-1)}>
            {said.end}
          </Button>
          {going && (
            <label>
              <input type="checkbox" checked={following} onChange={(event) => onAt(event.target.checked ? -1 : part.begin)} /> {said.follow}
            </label>
          )}
        </div>
      )}
      <div ref={box}>
        <Code label={name}>{part.text}</Code>
      </div>
    </>
  );
}
