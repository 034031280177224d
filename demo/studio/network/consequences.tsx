/** What a step costs with the freeze line where it is, against nothing frozen. */
import { formatBytes, formatFlops, formatTime } from "../../shared/quantities";
import { count, t, type Key } from "../../shared/i18n/index";
import type { StepPlan } from "../../worker/protocol";
import { frozen, network, plan, settings, wholePlan } from "../app/state";
import { lineText } from "./strip";

const flopsOf = (p: StepPlan) => p.forward.flops + p.backward.flops + p.update.flops;

const measures: readonly {
  readonly key: Key;
  readonly value: (plan: StepPlan) => number | undefined;
  readonly format: (value: number) => string;
}[] = [
  { key: "flops", value: flopsOf, format: formatFlops },
  { key: "dispatches", value: (p) => p.dispatches, format: count },
  { key: "backward", value: (p) => p.backward.dispatches, format: count },
  { key: "saved", value: (p) => p.savedActivationBytes, format: formatBytes },
  { key: "memory", value: (p) => p.peakBytes, format: formatBytes },
  { key: "trainable", value: (p) => p.trainableWeights, format: count },
  { key: "stepTime", value: (p) => p.predictedSeconds, format: formatTime },
];

export function Consequences() {
  const [now, whole] = [plan.value, wholePlan.value];
  return (
    <div class="consequences">
      <p class="line-text" id="line-text" aria-live="polite">
        {lineText(network.value!.blocks, frozen.value)}
      </p>
      <h3>{t("consequences", { batch: settings.value.batchSize })}</h3>
      <dl>
        {measures.map(({ key, value, format }) => {
          const [here, there] = [now && value(now), whole && value(whole)];
          return (
            <div key={key} data-measure={key} data-value={here}>
              <dt>{t(key)}</dt>
              <dd>
                {here === undefined ? <span class="quiet">{t("stepTimeUnknown")}</span> : <b>{format(here)}</b>}
                <span class="meter" aria-hidden="true">
                  <span style={{ width: here && there ? `${Math.min(100, (100 * here) / there)}%` : "0" }} />
                </span>
                <small>
                  {key === "stepTime"
                    ? t("stepTimeHow")
                    : there !== undefined && t("ofWhole", { whole: format(there) })}
                </small>
              </dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
