/* What stands in the form's fields, as texts, and the row that is made of them. The server checks it; nothing is refused here. */
import type { Input } from "./query";
import type { Row, Value } from "./snippets";

export type Texts = Readonly<Record<string, string>>;
/** Of a field whose value is missing, where that is chosen from a list. */
export const MISSING = "";

export function textsOf(inputs: readonly Input[]): Texts {
  return Object.fromEntries(inputs.map((one) => [one.name, textOf(one)]));
}

function textOf(input: Input): string {
  const { value } = input;
  if (value === null || value === undefined) return MISSING;
  if (input.categories) return keyOf(value);
  if (input.type === "time" && typeof value === "number") return new Date(value).toISOString().slice(0, 19);
  return String(value);
}

/** A value of a list, with its type, as the text of an option. */
export function keyOf(value: string | number | boolean): string {
  return JSON.stringify(value);
}

export function rowOf(inputs: readonly Input[], texts: Texts): Row {
  return Object.fromEntries(inputs.map((one) => [one.name, valueOf(one, texts[one.name] ?? MISSING)]));
}

function valueOf(input: Input, text: string): Value {
  if (text === MISSING) return null;
  if (input.categories) return JSON.parse(text) as Value;
  if (input.type === "bool") return text === "true";
  if (input.type === "time") return `${text}Z`;
  if (input.type === "str") return text;
  const number = Number(text.replace(",", "."));
  return Number.isFinite(number) ? number : text;
}
