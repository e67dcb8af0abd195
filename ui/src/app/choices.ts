/* What Ctrl-K offers for what was typed: acts of the page, pages, and what the server finds. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type Answer, address, read } from "@/api/client";
import { useWords } from "./i18n";
import { to } from "./links";
import { useChosenWorkspace } from "./chosen";
import { type PageAct, usePageActs } from "./pageActs";
import { NAV_EVERYWHERE, NAV_TO, NAV_WORKSPACE } from "./pages";
import { paletteWords } from "./paletteWords";
import { useSession, type WorkspaceSeen } from "./session";
import { shellWords } from "./words";

export interface Choice {
  id: string;
  name: string;
  note: string;
  to?: string;
  begin?: () => void;
}
export interface ChoiceGroup {
  name: string;
  choices: Choice[];
}
type Found = Answer<"/api/v1/pages/search">["found"][number];

const PATH = "/api/v1/pages/search";
/** After the last key: so that a word is one question, not one a letter. */
const PAUSE_MS = 120;
const KINDS = ["model", "version", "rollout", "run", "dataset", "actor"] as const;

const LINKS: Record<Found["kind"], (of: Found) => string> = {
  model: (of) => to.model(of.workspace, of.id),
  version: (of) => to.model(of.workspace, of.id.slice(0, of.id.lastIndexOf("@")), { version: of.id.slice(of.id.lastIndexOf("@") + 1) }),
  rollout: (of) => to.rollout(of.workspace, of.id),
  run: (of) => to.run(of.workspace, of.id),
  dataset: (of) => to.dataset(of.workspace, of.id),
  actor: (of) => to.audit(of.workspace, { actor: of.id }),
};

export function useChoices(text: string): { groups: ChoiceGroup[]; looking: boolean } {
  const said = useWords(paletteWords);
  const shell = useWords(shellWords);
  const acts = usePageActs();
  const chosen = useChosenWorkspace();
  const { workspaces } = useSession();
  const asked = usePaused(text.trim());
  const found = useQuery({
    queryKey: [PATH, asked],
    queryFn: ({ signal }) => read<Answer<typeof PATH>>(address(PATH, null, {}, { q: asked }), signal),
    enabled: asked !== "",
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
  const groups = useMemo(() => {
    const holds = holder(text);
    const things = asked === "" ? [] : (found.data?.found ?? []);
    const all: ChoiceGroup[] = [
      { name: said.acts, choices: acts.map(actChoice).filter((one) => holds(one.name)) },
      { name: said.pages, choices: pagesOf(chosen, workspaces, shell.nav).filter((one) => holds(one.name, one.note)) },
      ...KINDS.map((kind) => ({
        name: said.kinds[kind],
        choices: things
          .filter((one) => one.kind === kind)
          .map((one) => ({
            id: `${kind} ${one.workspace} ${one.id}`,
            name: one.name.slice(0, 300),
            note: [said.states[one.state.toLowerCase()] ?? one.state, kind === "run" || kind === "rollout" ? one.id.slice(0, 8) : "", kind === "actor" ? "" : one.workspace]
              .filter((part) => part !== "")
              .join(" · "),
            to: LINKS[kind](one),
          })),
      })),
    ];
    return all.filter((one) => one.choices.length > 0);
  }, [text, asked, found.data, acts, chosen, workspaces, said, shell]);
  return { groups, looking: text.trim() !== asked || found.isFetching };
}

function actChoice(act: PageAct): Choice {
  return { id: `act ${act.id}`, name: act.of ? `${act.label} · ${act.of}` : act.label, note: "", begin: act.begin };
}

/** Those of the workspace that is chosen, then those of the others. */
function pagesOf(chosen: WorkspaceSeen | null, all: readonly WorkspaceSeen[], names: Readonly<Record<string, string>>): Choice[] {
  const everywhere = chosen ? NAV_EVERYWHERE.map((name) => ({ id: `page ${name}`, name: names[name] as string, note: "", to: NAV_TO[name](chosen) as string })) : [];
  const ordered = chosen ? [chosen, ...all.filter((one) => one !== chosen)] : all;
  const inside = ordered.flatMap((of) =>
    NAV_WORKSPACE.flatMap((name) => {
      const target = NAV_TO[name](of);
      return target === null ? [] : [{ id: `page ${of.name} ${name}`, name: names[name] as string, note: of.name, to: target }];
    }),
  );
  return [...everywhere, ...inside];
}

const MOST_PAGES = 24;
const plain = (text: string): string =>
  text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();

/** Whether every word that was typed is in the name or the note, and one of them in the name; whatever the accents. */
function holder(text: string): (name: string, note?: string) => boolean {
  const parts = plain(text).split(/\s+/).filter(Boolean);
  let left = MOST_PAGES;
  return (name, note = "") => {
    const [inName, inAll] = [plain(name), plain(`${name} ${note}`)];
    const has = parts.every((part) => inAll.includes(part)) && (parts.length === 0 || parts.some((part) => inName.includes(part)));
    return has && left-- > 0;
  };
}

function usePaused(text: string): string {
  const [paused, setPaused] = useState(text);
  useEffect(() => {
    const due = setTimeout(() => setPaused(text), text === "" ? 0 : PAUSE_MS);
    return () => clearTimeout(due);
  }, [text]);
  return paused;
}
