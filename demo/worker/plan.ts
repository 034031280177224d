/** A plan's numbers for the page. */
import type { Plan } from "../../src/index";
import type { TransferModel } from "../../src/transfer/index";
import type { StepPlan } from "./protocol";
import type { Speed } from "./speed";

export const stepCost = (plan: Plan) => ({
  flops: plan.totals("forward").flops + plan.totals("backward").flops + plan.totals("update").flops,
  dispatches: plan.dispatches,
});

export function stepPlan(plan: Plan, { model }: TransferModel, speed: Speed): StepPlan {
  const { steps: _steps, ...totals } = plan.toJSON();
  const { flops, dispatches } = stepCost(plan);
  return {
    ...totals,
    trainableWeights: model.trainableParameters.reduce((n, p) => n + p.count, 0),
    predictedSeconds: speed.predict(flops, dispatches),
  };
}
