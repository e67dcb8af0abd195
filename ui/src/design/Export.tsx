/* The data of a page as the server gives it, in forms that other tools read. */
import { useWords } from "@/app/i18n";
import styles from "./Export.module.css";
import { designWords } from "./words";

export type ExportForms = Partial<Record<"CSV" | "JSON" | "NDJSON", string>>;

export function ExportLinks({ of }: { of: ExportForms }) {
  const said = useWords(designWords);
  const forms = Object.entries(of);
  return (
    <span className={styles.export}>
      {said.export}
      {forms.map(([form, address]) => (
        <a key={form} href={address} download aria-label={said.exportAs(form)}>
          {form}
        </a>
      ))}
    </span>
  );
}
