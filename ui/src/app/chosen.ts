/* The workspace whose pages navigation shows. */
import { useEffect } from "react";
import { useSession, type WorkspaceSeen } from "./session";
import { useWorkspace } from "./url";

const REMEMBERED = "regie.workspace";

export function chooseWorkspace(name: string): void {
  localStorage.setItem(REMEMBERED, name);
}

/** That of the page, else the last one, else the first that serves a model. */
export function useChosenWorkspace(): WorkspaceSeen | null {
  const { workspaces } = useSession();
  const here = useWorkspace();
  useEffect(() => {
    if (here !== "") chooseWorkspace(here);
  }, [here]);
  const remembered = here || localStorage.getItem(REMEMBERED);
  return workspaces.find((one) => one.name === remembered) ?? workspaces.find((one) => one.model !== null) ?? workspaces[0] ?? null;
}
