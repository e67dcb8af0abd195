/* The pages that exist, for the workspace that is chosen; who is signed in; language and theme. */
import { useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { Go } from "@/design/Go";
import { Time, useBusinessNow } from "@/design/Time";
import { chooseWorkspace, useChosenWorkspace } from "./chosen";
import { LANGUAGES, useLanguage, useWords } from "./i18n";
import { Mark } from "./Mark";
import styles from "./Navigation.module.css";
import { NAV_EVERYWHERE, NAV_TO, NAV_WORKSPACE, type NavName } from "./pages";
import { PaletteButton } from "./Palette";
import { useSession, useSignOut, type WorkspaceSeen } from "./session";
import { usePath } from "./url";
import { shellWords } from "./words";

export function Navigation() {
  const said = useWords(shellWords);
  const chosen = useChosenWorkspace();
  return (
    <div className={styles.column}>
      <div className={styles.brand}>
        <Mark />
        <span>Regie</span>
      </div>
      <PaletteButton />
      <nav aria-label={said.navigation} className={styles.pages}>
        <ul>
          {NAV_EVERYWHERE.map((name) => (
            <Entry key={name} name={name} of={chosen} />
          ))}
        </ul>
        {chosen !== null && <WorkspaceChoice chosen={chosen} />}
        {chosen?.driven && <DrivenMark workspace={chosen.name} />}
        {chosen !== null && (
          <ul>
            {NAV_WORKSPACE.map((name) => (
              <Entry key={name} name={name} of={chosen} />
            ))}
          </ul>
        )}
      </nav>
      <div className={styles.foot}>
        <Person chosen={chosen} />
        <Choices />
      </div>
    </div>
  );
}

function Entry({ name, of }: { name: NavName; of: WorkspaceSeen | null }) {
  const said = useWords(shellWords);
  const path = usePath();
  const target = name === "home" || name === "review" ? `/${name === "home" ? "" : name}` : of && NAV_TO[name](of);
  if (!target) return null;
  const here = target === "/" ? path === "/" : decodeURI(path) === decodeURI(target) || decodeURI(path).startsWith(`${decodeURI(target)}/`);
  return (
    <li>
      <Go to={target} className={styles.entry} aria-current={here ? "page" : undefined}>
        {said.nav[name]}
      </Go>
    </li>
  );
}

function WorkspaceChoice({ chosen }: { chosen: WorkspaceSeen }) {
  const said = useWords(shellWords);
  const { workspaces } = useSession();
  const navigate = useNavigate();
  const path = usePath();
  const choose = (name: string) => {
    const next = workspaces.find((one) => one.name === name);
    if (next === undefined) return;
    chooseWorkspace(name);
    const same = NAV_WORKSPACE.find((page) => path.startsWith(NAV_TO[page](chosen) ?? " "));
    const target = (same && NAV_TO[same](next)) ?? NAV_WORKSPACE.map((page) => NAV_TO[page](next)).find((one) => one !== null) ?? "/";
    void navigate({ to: target });
  };
  return (
    <label className={styles.workspace}>
      <span className={styles.label}>{said.workspace}</span>
      <select value={chosen.name} onChange={(event) => choose(event.target.value)}>
        {workspaces.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A replay drives the clock: shown wherever its figures are. */
function DrivenMark({ workspace }: { workspace: string }) {
  const said = useWords(shellWords);
  const now = useBusinessNow(workspace);
  return (
    <p className={styles.driven} title={said.drivenHint}>
      <span>{said.driven}</span>
      <Time ms={now} business={workspace} as="minute" />
    </p>
  );
}

function Person({ chosen }: { chosen: WorkspaceSeen | null }) {
  const said = useWords(shellWords);
  const session = useSession();
  const signOut = useSignOut();
  const roles = chosen?.roles ?? [];
  return (
    <div className={styles.person}>
      <div className={styles.who}>
        <span className="sr">{said.signedIn} </span>
        <bdi className={styles.actor} title={session.actor}>
          {session.actor}
        </bdi>
        <button type="button" className={styles.link} onClick={() => void signOut()}>
          {said.signOut}
        </button>
      </div>
      <p className={styles.roles}>
        <span className="sr">{said.roles}: </span>
        {roles.length ? roles.join(", ") : said.noRoles}
        {chosen && <span className={styles.where}> {said.inWorkspace(chosen.name)}</span>}
      </p>
    </div>
  );
}

const SCHEMES = ["auto", "light", "dark"] as const;
const SHAPES = {
  auto: "M8 2a6 6 0 1 0 0 12ZM8 2a6 6 0 0 1 0 12",
  light: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 .8v2M8 13.2v2M.8 8h2M13.2 8h2M2.9 2.9l1.4 1.4M11.7 11.7l1.4 1.4M2.9 13.1l1.4-1.4M11.7 4.3l1.4-1.4",
  dark: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z",
} as const;

function Choices() {
  const said = useWords(shellWords);
  const { language, speak } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <div className={styles.choices}>
      <div role="group" aria-label={said.language} className={styles.group}>
        {LANGUAGES.map((one) => (
          <button key={one} type="button" lang={one} aria-pressed={one === language} onClick={() => speak(one)}>
            <span aria-hidden="true">{one.toUpperCase()}</span>
            <span className="sr">{one === "fr" ? "Français" : "English"}</span>
          </button>
        ))}
      </div>
      <div role="group" aria-label={said.theme} className={styles.group}>
        {SCHEMES.map((one) => (
          <button key={one} type="button" title={said.themes[one]} aria-label={said.themes[one]} aria-pressed={one === colorScheme} onClick={() => setColorScheme(one)}>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" stroke="currentColor" strokeWidth="1.4" fill={one === "auto" ? "currentColor" : "none"} strokeLinecap="round">
              <path d={SHAPES[one]} fill={one === "auto" ? "none" : undefined} />
              {one === "auto" && <path d="M8 2a6 6 0 1 0 0 12Z" />}
            </svg>
          </button>
        ))}
      </div>
    </div>
  );
}
