/* Figures and times in the words of a language. A missing value is a dash, never a nought. */
import { useMemo } from "react";
import { type Language, useLanguage } from "@/app/i18n";

export const NONE = "–";
export type Maybe = number | null | undefined;
const THIN = "\u202f";

export interface Formats {
  language: Language;
  /** Four significant digits, or as many decimals as are asked for. */
  number: (value: Maybe, decimals?: number) => string;
  /** With its sign: `+0.012`, `−3`. */
  signed: (value: Maybe, decimals?: number) => string;
  whole: (value: Maybe) => string;
  /** 0.031 is `3.1 %`. */
  percent: (value: Maybe, decimals?: number) => string;
  bytes: (value: Maybe) => string;
  /** A stretch of time: `340 ms`, `12 s`, `3 min 20 s`, `2 d 4 h`. */
  duration: (ms: Maybe) => string;
  /** `3 h ago`, `in 2 d`. */
  ago: (ms: number, now: number) => string;
  /** `3 Nov 2026, 14:05:09 CET`; `utc` for business time. */
  exact: (ms: number, how?: { utc?: boolean; seconds?: boolean }) => string;
  /** `3 Nov 2026`. */
  day: (ms: number, how?: { utc?: boolean }) => string;
  /** `14:05:09 CET`. */
  clock: (ms: number) => string;
}

/** Nearer than this is now. */
const NOW_MS = 5000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = { en: { d: "d", h: "h", min: "min", s: "s", ms: "ms" }, fr: { d: "j", h: "h", min: "min", s: "s", ms: "ms" } };
const BYTES = { en: ["B", "kB", "MB", "GB", "TB"], fr: ["o", "ko", "Mo", "Go", "To"] };

function formatsOf(language: Language): Formats {
  const locale = language === "fr" ? "fr-FR" : "en-GB";
  const significant = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4 });
  const wholes = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const byDecimals = new Map<number, Intl.NumberFormat>();
  const decimal = (digits: number): Intl.NumberFormat => {
    let found = byDecimals.get(digits);
    if (found === undefined) {
      found = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
      byDecimals.set(digits, found);
    }
    return found;
  };
  const there = (value: Maybe): value is number => value !== null && value !== undefined && !Number.isNaN(value);
  const minus = (text: string): string => text.replace("-", "−");
  const number: Formats["number"] = (value, decimals) => {
    if (!there(value)) return NONE;
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    if (decimals !== undefined) return minus(decimal(decimals).format(value));
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e12)) return minus(value.toExponential(3)).replace("e", "·10^").replace("^+", "^");
    return minus(size >= 1000 ? wholes.format(value) : significant.format(value));
  };
  const unit = UNITS[language];
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" });
  const just = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const zone = (utc: boolean) => (utc ? { timeZone: "UTC" } : {});
  const at = (utc: boolean, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { ...zone(utc), ...options });
  const stamps = new Map<string, Intl.DateTimeFormat>();
  const stamp = (key: string, utc: boolean, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
    const name = `${key}${utc}`;
    const found = stamps.get(name) ?? at(utc, options);
    stamps.set(name, found);
    return found;
  };
  return {
    language,
    number,
    signed: (value, decimals) => (there(value) && value > 0 ? `+${number(value, decimals)}` : number(value, decimals)),
    whole: (value) => (there(value) ? minus(wholes.format(value)) : NONE),
    percent: (value, decimals) => {
      if (!there(value)) return NONE;
      const share = value * 100;
      const digits = decimals ?? (share === 0 || Math.abs(share) >= 10 || Number.isInteger(share) ? 0 : Math.abs(share) >= 1 ? 1 : 2);
      return `${minus(decimal(digits).format(share))}${language === "fr" ? THIN : ""}%`;
    },
    bytes: (value) => {
      if (!there(value)) return NONE;
      const power = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(Math.abs(value)) / 3));
      const scaled = value / 1000 ** power;
      return `${number(scaled, power === 0 || scaled >= 100 ? 0 : 1)} ${BYTES[language][power] as string}`;
    },
    duration: (ms) => {
      if (!there(ms)) return NONE;
      const size = Math.abs(ms);
      const sign = ms < 0 ? "−" : "";
      if (size < SECOND) return `${sign}${size < 10 && size > 0 ? significantOf(significant, size) : wholes.format(size)} ${unit.ms}`;
      if (size < 10 * SECOND) return `${sign}${decimal(1).format(size / SECOND)} ${unit.s}`;
      if (size < MINUTE) return `${sign}${wholes.format(size / SECOND)} ${unit.s}`;
      const two = (great: number, greatUnit: string, small: number, smallUnit: string): string => {
        const whole = Math.floor(size / great);
        const rest = Math.floor((size % great) / small);
        return `${sign}${wholes.format(whole)} ${greatUnit}${rest > 0 && whole < 10 ? ` ${rest} ${smallUnit}` : ""}`;
      };
      if (size < HOUR) return two(MINUTE, unit.min, SECOND, unit.s);
      if (size < DAY) return two(HOUR, unit.h, MINUTE, unit.min);
      return two(DAY, unit.d, HOUR, unit.h);
    },
    ago: (ms, now) => {
      const past = ms - now;
      const size = Math.abs(past);
      if (size < NOW_MS) return just.format(0, "second");
      const [step, name]: [number, Intl.RelativeTimeFormatUnit] =
        size < MINUTE ? [SECOND, "second"] : size < HOUR ? [MINUTE, "minute"] : size < DAY ? [HOUR, "hour"]
        : size < 45 * DAY ? [DAY, "day"] : size < 550 * DAY ? [30.44 * DAY, "month"] : [365.25 * DAY, "year"];
      return relative.format(Math.trunc(past / step), name);
    },
    exact: (ms, { utc = false, seconds = true } = {}) =>
      stamp(seconds ? "exact" : "minute", utc, {
        day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
        ...(seconds ? { second: "2-digit" } : {}), timeZoneName: "short",
      }).format(ms),
    day: (ms, { utc = false } = {}) => stamp("day", utc, { day: "numeric", month: "short", year: "numeric" }).format(ms),
    clock: (ms) => stamp("clock", false, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" }).format(ms),
  };
}

function significantOf(format: Intl.NumberFormat, value: number): string {
  return format.format(Number(value.toPrecision(2)));
}

const known = new Map<Language, Formats>();

/** For a place that is no component; components take `useFormats`. */
export function formats(language: Language): Formats {
  const found = known.get(language) ?? formatsOf(language);
  known.set(language, found);
  return found;
}

export function useFormats(): Formats {
  const { language } = useLanguage();
  return useMemo(() => formats(language), [language]);
}
