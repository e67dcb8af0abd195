/* The figures that are kept of a column, as a person reads them. */
import { useWords } from "@/app/i18n";
import { useFormats } from "@/design/formats";
import type { Figures } from "./query";
import { dataWords } from "./words";

export function Nulls({ of }: { of: Figures | null }) {
  const say = useFormats();
  if (!of) return <>–</>;
  return <span title={say.whole(of.nulls)}>{of.nulls === 0 ? "0" : say.percent(of.null_share)}</span>;
}

/** From … to; of a boolean its share, of a text how many values differ. */
export function Spread({ of }: { of: Figures | null }) {
  const said = useWords(dataWords);
  const say = useFormats();
  if (!of) return <>–</>;
  if (of.type === "bool") return <>{of.mean === null ? "–" : said.areTrue(say.percent(of.mean))}</>;
  if (of.distinct !== null) return <>{said.distinct(of.distinct)}</>;
  if (of.min === null || of.max === null) return <>–</>;
  const one = (value: number) => (of.type === "time" ? say.day(value, { utc: true }) : say.number(value));
  return (
    <span>
      {one(of.min)} … {one(of.max)}
    </span>
  );
}

export function Mean({ of }: { of: Figures | null }) {
  const say = useFormats();
  return <>{of?.mean === null || of?.mean === undefined || of.type === "bool" ? "–" : say.number(of.mean)}</>;
}
