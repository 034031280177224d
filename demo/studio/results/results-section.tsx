/** What the trained network does well and badly. */
import { Picture } from "../../shared/components/picture";
import { decimal, percent, t } from "../../shared/i18n/index";
import { results, trained } from "../app/state";
import type { Results } from "../../worker/protocol";
import { Predict } from "./predict";

export function ResultsSection() {
  const found = results.value;
  return (
    <section class="card" id="results" aria-labelledby="results-title">
      <h2 id="results-title">{t("results")}</h2>
      <p class="intro">{found ? t("resultsIntro", { count: found.count }) : t("resultsNone")}</p>
      {found && (
        <div class="results">
          <Confusion found={found} />
          <Moved found={found} />
          <Mistakes found={found} />
        </div>
      )}
      {trained.value.has("head") && <Predict />}
    </section>
  );
}

function Confusion({ found }: { readonly found: Results }) {
  const { classNames, confusionMatrix } = found;
  return (
    <div class="confusion">
      <h3>{t("confusion")}</h3>
      <p>
        <b id="accuracy">{percent(found.accuracy)}</b>
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("confusion")}>
        <table id="confusion">
          <thead>
            <tr>
              <td />
              {classNames.map((name) => (
                <th key={name} scope="col">
                  <small>{t("taken")}</small> {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusionMatrix.map((row, truth) => {
              const all = row.reduce((a, b) => a + b, 0);
              return (
                <tr key={classNames[truth]}>
                  <th scope="row">
                    <small>{t("truth")}</small> {classNames[truth]}
                  </th>
                  {row.map((n, taken) => (
                    <td
                      key={classNames[taken]}
                      class={truth === taken ? "right" : "wrong"}
                      style={{ "--share": String(all > 0 ? n / all : 0) }}
                    >
                      {n}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Moved({ found }: { readonly found: Results }) {
  const most = Math.max(1e-12, ...found.moved.map(({ change }) => (Number.isFinite(change) ? change : 0)));
  return (
    <div class="moved">
      <h3>{t("moved")}</h3>
      <p class="quiet">{t("movedHow")}</p>
      <ol tabIndex={0} aria-label={t("moved")}>
        {found.moved.map(({ layer, change }) => (
          <li key={layer}>
            <span class="layer">{layer.split("/").at(-1)}</span>
            <span class="meter" aria-hidden="true">
              <span style={{ width: `${Math.min(100, (100 * change) / most)}%` }} />
            </span>
            <small>{change === 0 ? t("movedZero") : Number.isFinite(change) ? decimal(change, 4) : "∞"}</small>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Mistakes({ found }: { readonly found: Results }) {
  return (
    <div class="mistakes">
      <h3>{t("mistakes")}</h3>
      {found.mistakes.length === 0 && <p>{t("noMistakes")}</p>}
      <ul>
        {found.mistakes.map((mistake, i) => (
          <li key={i}>
            <Picture {...mistake} />
            <small>
              {t("mistake", {
                truth: mistake.truth,
                taken: mistake.taken,
                probability: percent(mistake.probability, 0),
              })}
            </small>
          </li>
        ))}
      </ul>
    </div>
  );
}
