/** The page's head: its name, its parts, language and colours. */
import { dark, switchTheme } from "../../shared/components/theme";
import { language, languages, speak, t, type Language } from "../../shared/i18n/index";

const parts = ["training", "network", "results", "data", "keep"] as const;

export function Header() {
  return (
    <header class="top">
      <span class="brand">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 1v14M2 4.5l12 7M14 4.5l-12 7" />
        </svg>
        Thaw
      </span>
      <nav aria-label={t("sections")}>
        {parts.map((part) => (
          <a key={part} href={`#${part}`}>
            {t(part)}
          </a>
        ))}
      </nav>
      <div class="choices">
        <select
          aria-label={t("language")}
          value={language.value}
          onChange={(event) => speak(event.currentTarget.value as Language)}
        >
          {languages.map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
        <button
          type="button"
          class="icon"
          aria-pressed={dark.value}
          aria-label={t("themeDark")}
          title={dark.value ? t("themeLight") : t("themeDark")}
          onClick={switchTheme}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="8" cy="8" r="6" />
            <path class="half" d="M8 2a6 6 0 0 1 0 12z" />
          </svg>
        </button>
      </div>
    </header>
  );
}
