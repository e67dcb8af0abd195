/* Mantine's parts in the colours of theme.css: it takes ours, none of its own is seen. */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const shades = (colour: string): MantineColorsTuple => Array.from({ length: 10 }, () => colour) as unknown as MantineColorsTuple;

export const theme = createTheme({
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--font-mono)",
  headings: { fontFamily: "var(--font)", fontWeight: "600" },
  fontSizes: { xs: "var(--text-s)", sm: "var(--text-m)", md: "var(--text-m)", lg: "var(--text-l)", xl: "var(--text-xl)" },
  colors: { accent: shades("var(--accent)") },
  primaryColor: "accent",
  primaryShade: 6,
  defaultRadius: "var(--radius)",
  focusRing: "auto",
  cursorType: "pointer",
  respectReducedMotion: true,
});

const OURS = {
  "--mantine-color-body": "var(--paper)",
  "--mantine-color-text": "var(--ink)",
  "--mantine-color-bright": "var(--ink)",
  "--mantine-color-dimmed": "var(--ink-3)",
  "--mantine-color-placeholder": "var(--ink-3)",
  "--mantine-color-anchor": "var(--accent)",
  "--mantine-color-error": "var(--worse)",
  "--mantine-color-default": "var(--paper-raised)",
  "--mantine-color-default-hover": "var(--paper-hover)",
  "--mantine-color-default-color": "var(--ink)",
  "--mantine-color-default-border": "var(--hairline-strong)",
  "--mantine-color-disabled": "var(--paper-sunk)",
  "--mantine-color-disabled-color": "var(--ink-3)",
  "--mantine-color-disabled-border": "var(--hairline)",
  "--mantine-color-accent-filled": "var(--accent)",
  "--mantine-color-accent-filled-hover": "var(--accent)",
  "--mantine-color-accent-light": "var(--accent-wash)",
  "--mantine-color-accent-light-hover": "var(--accent-wash)",
  "--mantine-color-accent-light-color": "var(--accent)",
  "--mantine-color-accent-outline": "var(--accent)",
  "--mantine-color-accent-text": "var(--accent)",
  "--mantine-primary-color-filled": "var(--accent)",
  "--mantine-primary-color-contrast": "var(--accent-ink)",
};

export const resolver: CSSVariablesResolver = () => ({ variables: {}, light: OURS, dark: OURS });
