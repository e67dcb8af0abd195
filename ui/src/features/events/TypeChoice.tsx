/* Which types of event: those that the workspace has. */
import { MultiSelect } from "@mantine/core";
import { useWords } from "@/app/i18n";
import styles from "./EventsPage.module.css";
import { eventWords } from "./words";

export function TypeChoice({ known, chosen, onChoose }: { known: readonly string[]; chosen: readonly string[]; onChoose: (chosen: readonly string[]) => void }) {
  const said = useWords(eventWords);
  const all = [...new Set([...known, ...chosen])].sort();
  return (
    <MultiSelect
      className={styles.types}
      size="xs"
      label={said.types}
      placeholder={chosen.length ? "" : said.anyType}
      data={all}
      value={[...chosen]}
      onChange={onChoose}
      searchable
      clearable
      maxDropdownHeight={320}
    />
  );
}
