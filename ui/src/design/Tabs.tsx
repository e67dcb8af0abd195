/* Views of one thing, side by side; the chosen one stands in the address. */
import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";
import { useUrlText } from "@/app/url";
import styles from "./Tabs.module.css";

export interface Tab {
  id: string;
  label: string;
  /** Beside the label: how many. */
  note?: string;
  panel: () => ReactNode;
}

/** `name`: of the part of the query; the first tab is left out of it. */
export function Tabs({ tabs, name = "tab", label }: { tabs: readonly Tab[]; name?: string; label: string }) {
  const [chosen, choose] = useUrlText(name, tabs[0]?.id);
  const open = tabs.find((one) => one.id === chosen) ?? tabs[0];
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const step = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
    if (by === 0 || open === undefined) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(open) + by + tabs.length) % tabs.length] as Tab;
    choose(next.id, { replace: true });
    list.current?.querySelector<HTMLElement>(`[data-tab="${CSS.escape(next.id)}"]`)?.focus();
  };
  if (open === undefined) return null;
  return (
    <div className={styles.tabs}>
      <div role="tablist" aria-label={label} className={styles.list} ref={list} onKeyDown={step}>
        {tabs.map((one) => (
          <button
            key={one.id}
            type="button"
            role="tab"
            data-tab={one.id}
            id={`${id}${one.id}`}
            aria-controls={`${id}panel`}
            aria-selected={one === open}
            tabIndex={one === open ? 0 : -1}
            onClick={() => choose(one.id)}
          >
            {one.label}
            {one.note !== undefined && <span className={styles.note}>{one.note}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${open.id}`} className={styles.panel}>
        {open.panel()}
      </div>
    </div>
  );
}
