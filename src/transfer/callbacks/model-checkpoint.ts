/** Saves the model as training goes on, after Keras's ModelCheckpoint; where and how is the caller's function. */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { Callback, Logs } from "../../nn/trainer";
import { checkCount } from "./early-stopping";
import { Monitor, type MonitorOptions } from "./monitor";

export interface ModelCheckpointOptions extends Omit<MonitorOptions, "minDelta"> {
  /**
   * Called at the end of an epoch (from 0), with `parameter.value` up to date, e.g. `(model, epoch) => saveModel(model, ...)`.
   * Training waits for it; what it throws ends the training.
   */
  readonly save: (model: Container, epoch: number, logs: Logs) => unknown;
  /** Saves only when `monitor` is better than it was at every save before. Default false. */
  readonly saveBestOnly?: boolean;
  /** With `saveBestOnly`: what the first save has to be better than. Default: nothing. */
  readonly initialValueThreshold?: number;
  /** Every epoch (the default, "epoch"), or every so many. */
  readonly saveFreq?: "epoch" | { readonly epochs: number };
}

export interface ModelCheckpoint extends Callback {
  /** Of what was saved; with `saveBestOnly`. */
  readonly best: number | undefined;
}

/**
 * Calls `save` at the end of epochs: of all, or of those that are the best so far. As in Keras, what is best is remembered over calls of `fit`.
 *
 * @throws with `saveBestOnly`, for a monitor that the logs lack, before the first epoch.
 */
export function modelCheckpoint(options: ModelCheckpointOptions): ModelCheckpoint {
  const { save, saveBestOnly = false, initialValueThreshold, saveFreq = "epoch" } = options;
  const who = "modelCheckpoint";
  if (typeof save !== "function")
    throw new ThawError(who, `save is ${typeof save}`, "a function that saves the model it is given");
  const every = saveFreq === "epoch" ? 1 : (saveFreq as { epochs?: number }).epochs;
  if (every === undefined)
    throw new ThawError(
      who,
      `saveFreq ${JSON.stringify(saveFreq)}`,
      '"epoch" or { epochs: n }',
      "Saving between epochs would stall the GPU.",
    );
  checkCount(who, "saveFreq.epochs", every, 1);
  const monitor = new Monitor(who, options);
  let best = initialValueThreshold;
  return {
    get best() {
      return best;
    },
    onTrainBegin(context) {
      if (saveBestOnly) monitor.begin(context);
    },
    async onEpochEnd(epoch, logs, context) {
      if ((epoch + 1) % every !== 0) return;
      if (saveBestOnly) {
        const current = monitor.value(logs);
        if (!monitor.improves(current, best)) return;
        best = current;
      }
      await context.readWeights();
      await save(context.model, epoch, logs);
    },
  };
}
