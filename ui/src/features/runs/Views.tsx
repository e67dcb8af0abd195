/* Views that a person keeps under a name, in the browser; each is nothing but the query of its address. */
import { useState } from "react";
import { useWords } from "@/app/i18n";
import { to } from "@/app/links";
import { useSession } from "@/app/session";
import { type Search, useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Name } from "@/design/Code";
import { Go } from "@/design/Go";
import styles from "./Runs.module.css";
import { runsWords } from "./words";

interface View {
  name: string;
  search: Search;
}

const MOST = 50;

function kept(key: string): View[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found.filter((one): one is View => typeof one?.name === "string" && typeof one?.search === "object") : [];
  } catch {
    return [];
  }
}

export function Views({ ws, onGo }: { ws: string; onGo: () => void }) {
  const said = useWords(runsWords);
  const { actor } = useSession();
  const [search] = useUrl();
  const key = `regie.views.${actor}.${ws}`;
  const [views, setViews] = useState(() => kept(key));
  const [name, setName] = useState("");
  const keep = (changed: View[]) => {
    setViews(changed);
    localStorage.setItem(key, JSON.stringify(changed));
  };
  return (
    <div className={styles.picker}>
      {views.length === 0 ? (
        <p className={styles.small}>{said.viewsNone}</p>
      ) : (
        <ul className={styles.order}>
          {views.map((one) => (
            <li key={one.name}>
              <Go to={to.runs(ws, one.search)} onClick={onGo}>
                <Name>{one.name}</Name>
              </Go>
              <Button look="bare" aria-label={said.viewForget(one.name)} onClick={() => keep(views.filter((other) => other !== one))}>
                ×
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form
        className={styles.keep}
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = name.trim();
          if (wanted === "") return;
          keep([...views.filter((one) => one.name !== wanted), { name: wanted, search }].slice(-MOST));
          setName("");
        }}
      >
        <input value={name} maxLength={100} placeholder={said.viewName} aria-label={said.viewName} onChange={(event) => setName(event.target.value)} />
        <Button type="submit" off={name.trim() === ""}>
          {said.viewKeep}
        </Button>
      </form>
      <p className={styles.small}>{said.viewsWhere}</p>
    </div>
  );
}
