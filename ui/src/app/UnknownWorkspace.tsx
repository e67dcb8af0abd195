/* The address names a workspace of which nothing is known: misspelt, or nothing has happened in it. The page below stays as it is. */
import { Mark } from "@/design/State";
import { Go } from "@/design/Go";
import styles from "./GoneBanner.module.css";
import { useWords } from "./i18n";
import { to } from "./links";
import { useSession } from "./session";
import { useWorkspace } from "./url";
import { shellWords } from "./words";

export function UnknownWorkspace() {
  const said = useWords(shellWords);
  const name = useWorkspace();
  const known = useSession().workspaces.some((one) => one.name === name);
  if (name === "" || known) return null;
  return (
    <p role="status" className={styles.needs}>
      <Mark tone="needs" /> {said.unknownWorkspace(name)} <Go to={to.home()}>{said.noPageDo}</Go>
    </p>
  );
}
