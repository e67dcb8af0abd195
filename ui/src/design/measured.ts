/* Figures that runs measured: the server sends NaN and infinities as words, because JSON has none. */
import type { Formats, Maybe } from "./formats";

export type Measured = number | string | null | undefined;

/** For a chart or a comparison; `null` for what is no number. */
export function numberOf(value: Measured): Maybe {
  return typeof value === "number" ? value : value === "Infinity" ? Number.POSITIVE_INFINITY : value === "-Infinity" ? Number.NEGATIVE_INFINITY : null;
}

/** As it is read: `NaN` is a value, what is missing is a dash. */
export function measuredText(say: Formats, value: Measured, decimals?: number): string {
  if (value === "NaN") return "NaN";
  if (typeof value === "string" && numberOf(value) === null) return value;
  return say.number(numberOf(value), decimals);
}

/** How many decimals make a column of figures stand one below the other; undefined where they are too far apart. */
export function decimalsOf(values: readonly Measured[]): number | undefined {
  const sizes = values.filter((one): one is number => typeof one === "number" && Number.isFinite(one)).map(Math.abs);
  if (sizes.length === 0) return undefined;
  if (sizes.every(Number.isInteger)) return 0;
  const greatest = Math.max(...sizes);
  if (greatest >= 1e7 || greatest < 1e-3) return undefined;
  const whole = Math.floor(Math.log10(greatest)) + 1;
  return Math.max(1, Math.min(6, 4 - Math.max(0, whole - 1), whole <= 0 ? 4 - whole : 4));
}
