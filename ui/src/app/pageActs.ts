/* What a person may do on the page that is open: every ActButton that is drawn and allowed says so here, and Ctrl-K offers it too. */
import { useEffect, useRef } from "react";
import { useValue, Value } from "@/api/store";

export interface PageAct {
  id: string;
  label: string;
  /** On what, where the page has several. */
  of: string;
  begin: () => void;
}

const acts = new Value<readonly PageAct[]>([]);

export function usePageActs(): readonly PageAct[] {
  return useValue(acts);
}

/** Offer an act as long as its button is drawn. */
export function useOfferAct(act: PageAct, offered: boolean): void {
  const begin = useRef(act.begin);
  useEffect(() => {
    begin.current = act.begin;
  });
  const { id, label, of } = act;
  useEffect(() => {
    if (!offered) return;
    const offer = { id, label, of, begin: () => begin.current() };
    acts.set([...acts.get(), offer]);
    return () => acts.set(acts.get().filter((one) => one !== offer));
  }, [id, label, of, offered]);
}
