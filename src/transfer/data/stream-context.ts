/** What callbacks see of a training in windows: as in `fit`, with weights kept in the page's memory, because each window is a call of `fit` of its own. */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { KeptWeights, TrainingContext } from "../../nn/trainer";
import type { ModelTrainer } from "../../train/model-trainer";
import { prefixed } from "../../train/results";

/** @param validated whether epochs end with an evaluation */
export function streamContext(
  model: Container,
  epochs: number,
  stepsPerEpoch: number,
  validated: boolean,
): TrainingContext {
  const trainer = model.compiledWith as ModelTrainer;
  const kept = new Map<KeptWeights, readonly Float32Array[]>();
  const names = ["loss", ...trainer.names, ...(trainer.counters?.names ?? [])];
  let stopReason: string | undefined;
  return {
    model,
    epochs,
    stepsPerEpoch,
    logNames: [...names, ...(validated ? names.map((n) => prefixed("val", n)) : [])],
    get optimizer() {
      return trainer.optimizer;
    },
    get learningRate(): number {
      return trainer.stepValues(trainer.iteration + 1, 0, 0, 0).learningRate;
    },
    set learningRate(rate: number | undefined) {
      if (rate !== undefined && !(rate >= 0 && rate < Infinity))
        throw new ThawError("learningRate", `${rate}`, "a finite number, 0 or more, or undefined");
      trainer.learningRate = rate;
    },
    get stopReason() {
      return stopReason;
    },
    stop(reason = "a callback stopped it") {
      stopReason ??= reason;
    },
    // Behind every epoch the weights are read before callbacks run.
    keepWeights(over) {
      const values = model.allParameters().map((p) => p.value.slice());
      const own: KeptWeights = over ?? {
        bytes: values.reduce((sum, v) => sum + v.byteLength, 0),
        dispose: () => void kept.delete(own),
      };
      kept.set(own, values);
      return own;
    },
    restoreWeights(from) {
      const values = kept.get(from);
      if (!values)
        throw new ThawError("restoreWeights", "these weights were freed", "weights that this training keeps");
      model.allParameters().forEach((p, i) => p.assign(values[i]));
      model.writeWeights();
    },
    readWeights: () => model.readWeights(),
  };
}
