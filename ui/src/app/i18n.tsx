/* French and English. Sentences live beside what says them, as `words({ en, fr })`; a key that one of them lacks does not compile. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

export type Language = "en" | "fr";
export const LANGUAGES: readonly Language[] = ["en", "fr"];
const REMEMBERED = "regie.language";

type Sentence<T> = T extends string
  ? string
  : T extends (...values: infer Values) => infer Said
    ? (...values: Values) => Said extends string ? string : Said
    : { readonly [Key in keyof T]: Sentence<T[Key]> };

export interface Words<En> {
  readonly en: Sentence<En>;
  readonly fr: Sentence<En>;
}

/** The sentences of one part of the control room: strings, or functions of what goes into them. */
export function words<En extends object>(both: { en: En; fr: NoInfer<Sentence<En>> }): Words<En> {
  return both as unknown as Words<En>;
}

const counts = { en: new Intl.NumberFormat("en"), fr: new Intl.NumberFormat("fr") };

/** `1 run`, `2,300 runs`. English counts nought as many. */
export function manyEn(count: number, one: string, many: string): string {
  return `${counts.en.format(count)} ${count === 1 ? one : many}`;
}

/** `0 exécution`, `2 300 exécutions`. French counts nought as one. */
export function manyFr(count: number, one: string, many: string): string {
  return `${counts.fr.format(count)} ${count < 2 ? one : many}`;
}

interface Spoken {
  language: Language;
  speak: (language: Language) => void;
}

const Speaking = createContext<Spoken>({ language: "en", speak: () => undefined });

function first(): Language {
  const remembered = localStorage.getItem(REMEMBERED);
  if (remembered === "en" || remembered === "fr") return remembered;
  const known = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one === "en" || one === "fr");
  return (known as Language | undefined) ?? "en";
}

/** The browser's language first, then the one that was chosen, which is remembered. */
export function SpeakingProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(first);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const spoken = useMemo(
    () => ({
      language,
      speak: (chosen: Language) => {
        localStorage.setItem(REMEMBERED, chosen);
        setLanguage(chosen);
      },
    }),
    [language],
  );
  return <Speaking value={spoken}>{children}</Speaking>;
}

export function useLanguage(): Spoken {
  return useContext(Speaking);
}

/** The sentences of `said` in the language that is chosen. */
export function useWords<En>(said: Words<En>): Sentence<En> {
  return said[useContext(Speaking).language];
}
