/* Who may decide on the version, and who may not and why. */
import { useLanguage, useWords } from "@/app/i18n";
import { Name } from "@/design/Code";
import type { Column } from "@/design/columns";
import { State } from "@/design/State";
import { Table } from "@/design/Table";
import { whySentence } from "@/design/why";
import type { Person } from "./query";
import styles from "./Review.module.css";
import { reviewWords } from "./words";

export function PeopleTable({ people }: { people: readonly Person[] }) {
  const said = useWords(reviewWords);
  const { language } = useLanguage();
  const columns: Column<Person>[] = [
    {
      id: "person",
      head: said.person,
      cell: (row) => (
        <span>
          <Name>{row.name}</Name> {row.you && <span className={styles.note}>({said.you})</span>}
        </span>
      ),
    },
    { id: "may", head: said.decides, cell: (row) => <State tone={row.why ? "off" : "good"}>{row.why ? said.mayNot : said.may}</State> },
    { id: "why", head: said.why, cell: (row) => row.why && whySentence(language, row.why) },
  ];
  return <Table label={said.people} rows={people} columns={columns} rowKey={(row) => row.name} />;
}
