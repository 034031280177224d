/** The page: header, what it is about, and the parts of the studio. */
import { t } from "../../shared/i18n/index";
import { DataSection } from "../data/data-section";
import { KeepSection } from "../keep/keep-section";
import { NetworkSection } from "../network/network-section";
import { ResultsSection } from "../results/results-section";
import { TrainingSection } from "../training/training-section";
import { crash } from "./client";
import { Header } from "./header";
import { Failed, NoWebGpu, Problem } from "./notices";
import { adapter, data, opening, settings } from "./state";

export function App() {
  const state = crash.value === undefined ? opening.value : { kind: "failed" as const, message: crash.value };
  return (
    <>
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {state.kind === "noWebGpu" && <NoWebGpu />}
        {state.kind === "failed" && <Failed message={state.message} />}
        {(state.kind === "open" || state.kind === "opening") && <Lead />}
        {state.kind === "open" && (
          <>
            <TrainingSection />
            <NetworkSection />
            <ResultsSection />
            <DataSection />
            <KeepSection />
          </>
        )}
      </main>
      <Problem />
      <footer class="quiet">{t("footer")}</footer>
    </>
  );
}

function Lead() {
  const classes = data.value?.classes.map((c) => c.name) ?? [];
  const images = Math.min(
    settings.value.trainingImages,
    data.value?.classes.reduce((n, c) => n + c.training, 0) ?? Infinity,
  );
  const about = adapter.value;
  return (
    <div class="lead">
      <h1>{data.value?.own ? t("leadOwn", { classes: classes.join(", "), images }) : t("lead", { images })}</h1>
      <p>{t("how")}</p>
      <p class="quiet" id="adapter" role="status">
        {about ? t("runsOn", { adapter: about.name }) : t("opening")} {about?.software && t("software")} {t("private")}
      </p>
    </div>
  );
}
