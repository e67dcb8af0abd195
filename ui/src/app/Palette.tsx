/* Ctrl-K: anything by its name or id, the pages, and what may be done on the page that is open. */
import { useRouter } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useValue, Value } from "@/api/store";
import { Dialog } from "@/design/Dialog";
import { useWords } from "./i18n";
import styles from "./Palette.module.css";
import { type Choice, type ChoiceGroup, useChoices } from "./choices";
import { shellWords } from "./words";
import { paletteWords } from "./paletteWords";

const open = new Value(false);

export function PaletteButton({ small = false }: { small?: boolean }) {
  const said = useWords(shellWords);
  const mac = navigator.platform.startsWith("Mac");
  return (
    <button
      type="button"
      className={small ? styles.small : styles.open}
      aria-keyshortcuts="Control+K Meta+K"
      aria-haspopup="dialog"
      aria-label={small ? said.search : undefined}
      onClick={() => open.set(true)}
    >
      <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.4 10.4 4 4" />
      </svg>
      {!small && (
        <>
          <span className={styles.hint}>{said.searchShort}</span>
          <kbd aria-hidden="true">{mac ? "⌘ K" : "Ctrl K"}</kbd>
        </>
      )}
    </button>
  );
}

export function Palette() {
  const said = useWords(shellWords);
  const shown = useValue(open);
  useEffect(() => {
    const key = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      // Above another dialog it would take its place.
      if (open.get() || document.querySelector("dialog[open]") === null) open.set(!open.get());
    };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, []);
  return (
    <Dialog open={shown} onClose={() => open.set(false)} title={said.search} place="top" quiet>
      <Finder close={() => open.set(false)} />
    </Dialog>
  );
}

function Finder({ close }: { close: () => void }) {
  const said = useWords(paletteWords);
  const router = useRouter();
  const [text, setText] = useState("");
  const { groups, looking } = useChoices(text);
  const flat = useMemo(() => groups.flatMap((one) => one.choices), [groups]);
  const [at, setAt] = useState<string | null>(null);
  const chosen = flat.find((one) => one.id === at) ?? flat[0];
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (chosen) list.current?.querySelector(`[id="${CSS.escape(id + chosen.id)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [chosen?.id, id]);
  const take = (choice: Choice | undefined) => {
    if (choice === undefined) return;
    close();
    if (choice.begin) setTimeout(choice.begin); // the dialog of an act opens when this one is gone
    else if (choice.to) router.history.push(choice.to);
  };
  const step = (by: number) => {
    const here = chosen ? flat.indexOf(chosen) : 0;
    setAt(flat[(here + by + flat.length) % flat.length]?.id ?? null);
  };
  const keys = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined && flat.length > 0) {
      event.preventDefault();
      step(by);
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(chosen);
    }
  };
  const count = looking ? "" : said.count(flat.length);
  return (
    <div className={styles.finder}>
      <input
        type="text"
        role="combobox"
        aria-expanded={flat.length > 0}
        aria-controls={`${id}list`}
        aria-activedescendant={chosen ? id + chosen.id : undefined}
        aria-autocomplete="list"
        aria-label={said.field}
        placeholder={said.field}
        autoFocus
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(null);
        }}
        onKeyDown={keys}
      />
      <div ref={list} id={`${id}list`} role="listbox" aria-label={said.results} className={styles.list}>
        {groups.map((group) => (
          <Group key={group.name} group={group} id={id} chosen={chosen?.id} onPoint={setAt} onTake={take} />
        ))}
      </div>
      {flat.length === 0 && !looking && <p className={styles.none}>{said.none}</p>}
      <p className={styles.foot}>
        <span role="status">{count}</span>
        <span aria-hidden="true">{said.keys}</span>
      </p>
    </div>
  );
}

interface GroupProps {
  group: ChoiceGroup;
  id: string;
  chosen: string | undefined;
  onPoint: (id: string) => void;
  onTake: (choice: Choice) => void;
}

function Group({ group, id, chosen, onPoint, onTake }: GroupProps) {
  return (
    <div role="group" aria-label={group.name}>
      <div className={styles.group} aria-hidden="true">
        {group.name}
      </div>
      {group.choices.map((one) => (
        <div
          key={one.id}
          id={id + one.id}
          role="option"
          aria-selected={one.id === chosen}
          className={styles.choice}
          onMouseMove={() => one.id !== chosen && onPoint(one.id)}
          onClick={() => onTake(one)}
        >
          <bdi className={styles.name}>{one.name}</bdi>
          <span className={styles.note}>{one.note}</span>
        </div>
      ))}
    </div>
  );
}
