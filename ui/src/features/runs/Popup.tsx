/* A button that opens a small window below it; Escape, or a look elsewhere, closes it. */
import { type ReactNode, useId, useRef, useState } from "react";
import { Button } from "@/design/Button";
import { useDismiss } from "@/design/dismiss";
import styles from "./Runs.module.css";

export function Popup({ label, title, children }: { label: string; title: string; children: (close: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  useDismiss(box, open, () => setOpen(false));
  const close = () => {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };
  return (
    <div className={styles.popup} ref={box} onKeyDown={(event) => event.key === "Escape" && open && close()}>
      <Button aria-expanded={open} aria-controls={open ? id : undefined} onClick={() => setOpen(!open)}>
        {label}
      </Button>
      {open && (
        <div id={id} className={styles.popped} role="group" aria-label={title}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
