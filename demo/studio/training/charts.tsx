/** Accuracy and loss of all runs over the same epochs. */
import { Curves, type Curve } from "../../shared/components/curves";
import { decimal, percent, t } from "../../shared/i18n/index";
import type { Point } from "../../worker/protocol";
import { data, runs, settings, type Run } from "../app/state";
import { lookOf } from "./runs";

type Measure = "loss" | "valLoss" | "valAccuracy";

function curve(run: Run, measure: Measure, thin = false): Curve {
  const { label, color, dash } = lookOf(run.phase);
  const value = (point: Point) => point[measure];
  const points = run.points.flatMap((p) => (value(p) === undefined ? [] : [[p.epoch, value(p)!] as const]));
  return { label, color, points, ...(thin ? { thin } : dash && { dash }) };
}

export function Charts() {
  const all = runs.value;
  const xMax = Math.max(settings.value.epochs, ...all.flatMap((run) => run.points.map((p) => p.epoch)));
  const chance = 1 / (data.value?.classes.length ?? 2);
  return (
    <div class="charts">
      <figure>
        <figcaption>{t("accuracyTitle")}</figcaption>
        <Curves
          label={t("accuracyTitle")}
          curves={all.map((run) => curve(run, "valAccuracy"))}
          xLabel={t("epoch")}
          xMax={xMax}
          y={[Math.max(0, chance - 0.1), Math.min(1, chance + 0.3)]}
          format={(v) => percent(v, 0)}
        />
      </figure>
      <figure>
        <figcaption>
          {t("lossTitle")} <small>{t("lossNote")}</small>
        </figcaption>
        <Curves
          label={t("lossTitle")}
          curves={[...all.map((run) => curve(run, "loss", true)), ...all.map((run) => curve(run, "valLoss"))]}
          xLabel={t("epoch")}
          xMax={xMax}
          y={[0.2, 0.9]}
          format={(v) => decimal(v, 1)}
        />
      </figure>
      <ul class="legend">
        {all.length === 0 && <li class="quiet">{t("noCurves")}</li>}
        {all.map((run) => (
          <li key={run.id}>
            <span class={`key ${run.phase}`} /> {lookOf(run.phase).label}
          </li>
        ))}
      </ul>
    </div>
  );
}
