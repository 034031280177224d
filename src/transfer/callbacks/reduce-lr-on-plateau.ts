/** Lowers the learning rate when a number no longer gets better, after Keras's ReduceLROnPlateau. */
import { ThawError } from "../../errors";
import type { Callback } from "../../nn/trainer";
import { checkCount } from "./early-stopping";
import { Monitor, type MonitorOptions } from "./monitor";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The rate is multiplied by this; below 1. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement before that. Default 10. */
  readonly patience?: number;
  /** Default 1e-4. */
  readonly minDelta?: number;
  /** Epochs after a reduction that do not count. Default 0. */
  readonly cooldown?: number;
  /** The rate does not go below. Default 0. */
  readonly minLr?: number;
}

/**
 * Multiplies the learning rate by `factor` when `monitor` has not improved for `patience` epochs. The rate stays reduced in later calls
 * of `fit`, until another optimizer is given. As in Keras, the epoch's rate is added to the logs (and so to the history) as `learningRate`.
 *
 * @throws for a monitor that the logs lack, and for an optimizer whose rate is a schedule, before the first epoch.
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLr = 0 } = options;
  const who = "reduceLROnPlateau";
  if (!(factor > 0 && factor < 1)) throw new ThawError(who, `factor ${factor}`, "a number above 0 and below 1");
  if (!(minLr >= 0 && Number.isFinite(minLr))) throw new ThawError(who, `minLr ${minLr}`, "a finite number, 0 or more");
  checkCount(who, "patience", patience, 0);
  checkCount(who, "cooldown", cooldown, 0);
  const monitor = new Monitor(who, { ...options, minDelta });
  let best: number | undefined;
  let wait = 0;
  let cooling = 0;
  return {
    onTrainBegin(context) {
      monitor.begin(context);
      if (typeof context.optimizer.learningRate === "function")
        throw new ThawError(
          who,
          "the optimizer's learning rate is a schedule",
          "a number that can be reduced",
          "Use one of the two.",
        );
      best = undefined;
      wait = cooling = 0;
    },
    onEpochEnd(_, logs, context) {
      // Rates are float32 on the GPU, as they are in Keras.
      const rate = Math.fround(context.learningRate);
      (logs as Record<string, number>).learningRate = rate;
      const current = monitor.value(logs);
      if (cooling > 0) {
        cooling--;
        wait = 0;
      }
      if (monitor.improves(current, best)) {
        best = current;
        wait = 0;
      } else if (cooling === 0 && ++wait >= patience && rate > Math.fround(minLr)) {
        context.learningRate = Math.max(rate * factor, minLr);
        cooling = cooldown;
        wait = 0;
      }
    },
  };
}
