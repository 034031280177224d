/** Light or dark: the system's, until one is chosen. */
import { computed, effect, signal } from "@preact/signals";
import { remember, remembered } from "../remembered";

const query = matchMedia("(prefers-color-scheme: dark)");
const system = signal(query.matches);
query.addEventListener("change", () => (system.value = query.matches));

const before = remembered("theme");
const chosen = signal<"light" | "dark" | undefined>(before === "light" || before === "dark" ? before : undefined);

export const dark = computed(() => (chosen.value ? chosen.value === "dark" : system.value));

export function switchTheme(): void {
  chosen.value = dark.value ? "light" : "dark";
  remember("theme", chosen.value);
}

effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
