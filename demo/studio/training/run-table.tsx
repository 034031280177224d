/** The finished runs beside each other. */
import { formatBytes, formatFlops } from "../../shared/quantities";
import { count, duration, percent, t } from "../../shared/i18n/index";
import { runs, type Run } from "../app/state";
import { lookOf } from "./runs";

const lastAccuracy = ({ points }: Run) =>
  points.findLast((p) => p.valAccuracy !== undefined)?.valAccuracy ?? Number.NaN;

export function RunTable() {
  const finished = runs.value.filter((run) => run.end);
  if (finished.length === 0) return null;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("tableCaption")}>
      <table id="runs">
        <caption class="unseen">{t("tableCaption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("tableRun")}</th>
            <th scope="col">{t("tableAccuracy")}</th>
            <th scope="col">{t("tableBest")}</th>
            <th scope="col">{t("tableWeights")}</th>
            <th scope="col">{t("tableFlops")}</th>
            <th scope="col">{t("tableMemory")}</th>
            <th scope="col">{t("tableTime")}</th>
          </tr>
        </thead>
        <tbody>
          {finished.map((run) => {
            const { plan, bestEpoch, bestAccuracy, seconds } = run.end!;
            return (
              <tr key={run.id} data-phase={run.phase}>
                <th scope="row">
                  <span class={`key ${run.phase}`} /> {lookOf(run.phase).label}
                </th>
                <td>{percent(lastAccuracy(run))}</td>
                <td>
                  {bestEpoch} <small>({percent(bestAccuracy)})</small>
                </td>
                <td>{count(plan.trainableWeights)}</td>
                <td>{formatFlops(plan.forward.flops + plan.backward.flops + plan.update.flops)}</td>
                <td>{formatBytes(plan.peakBytes)}</td>
                <td>{duration(seconds)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
