/** The guided flow: three trainings, their curves and what they cost. */
import { t } from "../../shared/i18n/index";
import { Charts } from "./charts";
import { Phases } from "./phases";
import { Progress } from "./progress";
import { RunTable } from "./run-table";
import { SettingsForm } from "./settings-form";

export function TrainingSection() {
  return (
    <section class="card" id="training" aria-labelledby="training-title">
      <h2 id="training-title">{t("training")}</h2>
      <p class="intro">{t("trainingIntro")}</p>
      <Phases />
      <Progress />
      <Charts />
      <RunTable />
      <SettingsForm />
    </section>
  );
}
