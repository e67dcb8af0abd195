/* Sentences of the reasons that the server gives as codes. A page adds those of its own where it is loaded. */
import type { Language } from "@/app/i18n";

export type WhyValues = Readonly<Record<string, string | number | boolean | null>>;
export interface Why {
  code: string;
  values?: WhyValues;
}
type Sentences = Readonly<Record<string, (values: WhyValues) => string>>;

const known: Record<Language, Map<string, (values: WhyValues) => string>> = { en: new Map(), fr: new Map() };

/** `addWhy({ en: { "rollout.ended": (of) => `...` }, fr: { ... } })`: each code in both. */
export function addWhy<En extends Sentences>(both: { en: En; fr: { [Code in keyof En]: (values: WhyValues) => string } }): void {
  for (const language of ["en", "fr"] as const) {
    for (const [code, sentence] of Object.entries(both[language])) known[language].set(code, sentence);
  }
}

/** The sentence of a reason; a code that nobody knows is shown as it is, with its values. */
export function whySentence(language: Language, why: Why): string {
  const values = why.values ?? {};
  const sentence = known[language].get(why.code);
  if (sentence) return sentence(values);
  const said = Object.entries(values).map(([name, value]) => `${name}: ${String(value)}`);
  return said.length ? `${why.code} (${said.join(", ")})` : why.code;
}

addWhy({
  en: { no_right: (of) => `${String(of.actor)} has no role here that may do this (${String(of.action)}).` },
  fr: { no_right: (of) => `${String(of.actor)} n’a ici aucun rôle qui le permette (${String(of.action)}).` },
});
