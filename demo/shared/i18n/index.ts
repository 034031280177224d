/** The page's language: the address's (`?lang=es`), else the one chosen before, else the browser's. */
import { effect, signal } from "@preact/signals";
import { remembered, remember } from "../remembered";
import { en, type Dictionary, type Key } from "./en";
import { es } from "./es";

export type { Key } from "./en";

const dictionaries = { en, es } satisfies Record<string, Dictionary>;
export type Language = keyof typeof dictionaries;
/** In their own words. */
export const languages: readonly (readonly [Language, string])[] = [
  ["en", "English"],
  ["es", "Español"],
];

const known = (name: string | null | undefined): Language | undefined =>
  languages.find(([language]) => name?.toLowerCase().startsWith(language))?.[0];

export const language = signal<Language>(
  known(new URLSearchParams(location.search).get("lang")) ??
    known(remembered("language")) ??
    navigator.languages.map(known).find((found) => found !== undefined) ??
    "en",
);

export function speak(chosen: Language): void {
  language.value = chosen;
  remember("language", chosen);
}

/** The text for a key, with `{name}` replaced. Text only: what it is given from files stays text. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return dictionaries[language.value][key].replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? count(value) : value;
  });
}

export const count = (value: number): string => value.toLocaleString(language.value);

export const percent = (share: number, digits = 1): string =>
  share.toLocaleString(language.value, {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });

export const decimal = (value: number, digits = 3): string =>
  value.toLocaleString(language.value, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const duration = (seconds: number): string =>
  seconds < 90
    ? t("seconds", { n: seconds < 10 ? decimal(seconds, 1) : Math.ceil(seconds) })
    : t("minutes", { n: Math.ceil(seconds / 60) });

effect(() => {
  document.documentElement.lang = language.value;
  document.title = t("title");
});
