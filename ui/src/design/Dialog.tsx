/* A dialog of the browser's own: focus stays inside, Escape closes it, what is behind it cannot be reached. */
import { type ReactNode, useEffect, useId, useRef } from "react";
import styles from "./Dialog.module.css";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** `middle`, `top` (the palette), `side` (navigation of a phone). */
  place?: "middle" | "top" | "side";
  /** The title is only for a screen reader. */
  quiet?: boolean;
  wide?: boolean;
}

export function Dialog({ open, onClose, title, children, place = "middle", quiet = false, wide = false }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    if (open) box.current?.showModal();
    else box.current?.close();
  }, [open]);
  return (
    <dialog
      ref={box}
      className={`${styles.box} ${styles[place]} ${wide ? styles.wide : ""}`}
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => event.target === box.current && onClose()}
    >
      {open && (
        <div className={styles.inside}>
          <h2 id={heading} className={quiet ? "sr" : styles.title}>
            {title}
          </h2>
          {children}
        </div>
      )}
    </dialog>
  );
}
