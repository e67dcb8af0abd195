/* Buttons. `main`: the one thing that a page is for; `bare`: among text. */
import type { ButtonHTMLAttributes, Ref } from "react";
import styles from "./Button.module.css";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "plain" | "main" | "danger" | "bare";
  /** Not now: it stays reachable and says why in what `aria-describedby` names. */
  off?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ look = "plain", off = false, className = "", onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={`${styles.button} ${styles[look]} ${className}`}
      aria-disabled={off || undefined}
      onClick={off ? undefined : onClick}
      {...rest}
    />
  );
}
