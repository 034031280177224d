/** Stops when a number no longer gets better, after Keras's EarlyStopping. */
import { ThawError } from "../../errors";
import type { Callback, KeptWeights } from "../../nn/trainer";
import { Monitor, type MonitorOptions } from "./monitor";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement after which training stops. Default 0: at the first. */
  readonly patience?: number;
  /** Epochs start to count as improvements (for patience) only when they are better than this. Default: none. */
  readonly baseline?: number;
  /** Whether the weights of the best epoch come back at the end, bit for bit; they are kept on the GPU. Default false, as in Keras. */
  readonly restoreBestWeights?: boolean;
  /** First epoch (from 0) that is looked at at all, after a warm-up. Default 0. */
  readonly startFromEpoch?: number;
}

export interface EarlyStopping extends Callback {
  /** Best value so far. */
  readonly best: number | undefined;
  /** Its epoch, from 0. */
  readonly bestEpoch: number;
  /** Epoch after which it stopped; 0 while it has not, as in Keras. */
  readonly stoppedEpoch: number;
  /** Epochs since the last improvement. */
  readonly wait: number;
}

/** A whole number from `least`. */
export function checkCount(who: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ThawError(who, `${name} ${value}`, `a whole number, ${least} or more`);
}

/**
 * Ends training when `monitor` has not improved for `patience` epochs. Epochs, ties, NaN and the baseline are treated as in
 * Keras: the very first epoch never stops, and when nothing beats the baseline the best of the epochs is still what is restored.
 * A training that ends with an error (a loss that is not finite) keeps the weights that it had.
 *
 * @throws for a monitor that the logs lack, with those that exist, before the first epoch.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): EarlyStopping {
  const { patience = 0, baseline, restoreBestWeights = false, startFromEpoch = 0 } = options;
  const who = "earlyStopping";
  checkCount(who, "patience", patience, 0);
  checkCount(who, "startFromEpoch", startFromEpoch, 0);
  const monitor = new Monitor(who, options);
  let best: number | undefined;
  let kept: KeptWeights | undefined;
  let [bestEpoch, stoppedEpoch, wait] = [0, 0, 0];
  return {
    get best() {
      return best;
    },
    get bestEpoch() {
      return bestEpoch;
    },
    get stoppedEpoch() {
      return stoppedEpoch;
    },
    get wait() {
      return wait;
    },
    onTrainBegin(context) {
      monitor.begin(context);
      best = kept = undefined;
      bestEpoch = stoppedEpoch = wait = 0;
    },
    onEpochEnd(epoch, logs, context) {
      const current = monitor.value(logs);
      if (epoch < startFromEpoch) return;
      wait++;
      if (monitor.improves(current, best)) {
        best = current;
        bestEpoch = epoch;
        if (restoreBestWeights) kept = context.keepWeights(kept);
        if (baseline === undefined || monitor.improves(current, baseline)) wait = 0;
      } else if (wait >= patience && epoch > 0) {
        stoppedEpoch = epoch;
        context.stop(`${monitor.name} did not improve for ${wait} epochs`);
      }
    },
    onTrainEnd(_, context) {
      if (!kept) return;
      context.restoreWeights(kept);
      kept.dispose();
      kept = undefined;
    },
  };
}
