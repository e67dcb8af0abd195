/* Text as it is: code, logs, JSON. It is text, whatever it looks like; it scrolls inside itself. */
import { useWords } from "@/app/i18n";
import { Button } from "./Button";
import styles from "./Code.module.css";
import { useCopy } from "./CopyCommand";
import { designWords } from "./words";

interface CodeProps {
  children: string;
  /** What it is, for a screen reader. */
  label: string;
  /** Long lines are broken. */
  wrap?: boolean;
  copy?: boolean;
  /** Taller than this, it scrolls. */
  maxHeight?: string;
}

export function Code({ children, label, wrap = false, copy = true, maxHeight = "28rem" }: CodeProps) {
  const said = useWords(designWords);
  const [copied, toClipboard] = useCopy();
  return (
    <div className={styles.box}>
      {copy && (
        <Button look="bare" className={styles.copy} aria-label={`${said.copy}: ${label}`} onClick={() => toClipboard(children)}>
          <span aria-live="polite">{copied ? said.copied : said.copy}</span>
        </Button>
      )}
      <pre className={wrap ? styles.wrap : styles.text} style={{ maxHeight }} tabIndex={0} role="region" aria-label={label} dir="ltr">
        {children}
      </pre>
    </div>
  );
}

/** A short id or digest, with the whole one to copy. */
export function Short({ of, length = 8 }: { of: string; length?: number }) {
  const said = useWords(designWords);
  const [copied, copy] = useCopy();
  const digest = of.replace(/^sha256:/, "");
  return (
    <button type="button" className={styles.short} title={copied ? said.copied : of} aria-label={`${digest.slice(0, length)}, ${said.copy}: ${of}`} onClick={() => copy(of)}>
      <code>{digest.slice(0, length)}</code>
    </button>
  );
}

/** A name that others have chosen: it may be long, in another script, or look like code. */
export function Name({ children }: { children: string }) {
  return (
    <bdi className={styles.name} title={children.length > 30 ? children.slice(0, 2000) : undefined}>
      {children.length > 500 ? `${children.slice(0, 500)}…` : children}
    </bdi>
  );
}
