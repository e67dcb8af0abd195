/* Light, dark, or as the system: remembered, and there before anything is drawn. */
import { localStorageColorSchemeManager } from "@mantine/core";

const KEY = "regie.theme";
export const manager = localStorageColorSchemeManager({ key: KEY });

export function showScheme(): void {
  const chosen = manager.get("auto");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.mantineColorScheme = chosen === "auto" ? (dark ? "dark" : "light") : chosen;
}
