/** One training of the guided flow: its events, pausing, and the weights of its best epoch. */
import { adam, type TrainingContext } from "../../src/index";
import {
  augmentation,
  cosineDecay,
  defaultAugmentation,
  snapshotWeights,
  warmUp,
  type LabelledDataset,
  type TransferModel,
  type WeightSnapshot,
} from "../../src/transfer/index";
import type { Phase, Point, Settings, StudioEvent } from "./protocol";

export interface TrainingRequest {
  readonly transfer: TransferModel;
  readonly phase: Phase;
  readonly settings: Settings;
  readonly training: LabelledDataset;
  readonly validation: LabelledDataset;
  readonly signal: AbortSignal;
  /** Settles when training may go on. */
  readonly whilePaused: () => Promise<void>;
  readonly tell: (event: StudioEvent) => void;
}

export interface Best {
  /** 0: before the first epoch. */
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly weights: WeightSnapshot;
}

/** Losses of single batches are sent to the page this often at most, in milliseconds. */
const often = 80;

export async function train(request: TrainingRequest) {
  const { transfer, phase, settings, training, validation, signal, tell } = request;
  const { epochs, batchSize, seed } = settings;
  const { model } = transfer;
  const stepsAnEpoch = Math.ceil(training.y.length / batchSize);
  const steps = epochs * stepsAnEpoch;
  const validationBatchSize = Math.min(100, validation.y.length);

  const point = (value: Point) => tell({ kind: "point", point: value });
  const before = await model.evaluate(validation, { batchSize: validationBatchSize });
  point({ epoch: 0, valLoss: before.loss, valAccuracy: before.accuracy });
  let best: Best = {
    epoch: 0,
    loss: before.loss,
    accuracy: before.accuracy,
    weights: await snapshotWeights(model),
  };

  const clock = new StepClock();
  let lastTold = 0;
  const onBatchEnd = (iteration: number, logs: Readonly<Record<string, number>>) => {
    clock.step();
    const now = performance.now();
    if (now - lastTold < often && iteration > 1) return;
    lastTold = now;
    const epoch = iteration / stepsAnEpoch;
    point({ epoch, loss: logs.loss });
    tell({ kind: "progress", step: iteration, steps, epoch: Math.ceil(epoch) });
  };
  const onEpochEnd = async (done: number, logs: Readonly<Record<string, number>>, context: TrainingContext) => {
    const epoch = done + 1;
    point({ epoch, valLoss: logs.valLoss, valAccuracy: logs.valAccuracy });
    tell({ kind: "progress", step: epoch * stepsAnEpoch, steps, epoch });
    // A stopped training has validated nothing in its last epoch.
    if (logs.valLoss < best.loss) {
      await context.readWeights();
      best = { epoch, loss: logs.valLoss, accuracy: logs.valAccuracy, weights: await snapshotWeights(model) };
    }
    await request.whilePaused();
  };

  const history = await model.fit(training, {
    epochs,
    batchSize,
    validationData: validation,
    validationBatchSize,
    optimizer: adam(rateOf(phase, settings, steps)),
    seed,
    signal,
    ...(settings.augment && { preparation: augmentation(defaultAugmentation(), { seed }) }),
    callbacks: [
      {
        onFeatures: (done, count) => tell({ kind: "features", done, count }),
        onEpochBegin: () => clock.begin(),
        onBatchEnd,
        onEpochEnd,
      },
    ],
  });
  await model.readWeights();
  return { history, best, secondsAStep: clock.secondsAStep };
}

/** Fine-tuning rises to its rate and falls along half a cosine: the first steps of Adam would tear at what is known. */
function rateOf(phase: Phase, { rates }: Settings, steps: number) {
  if (phase !== "fineTune") return rates[phase];
  const rise = Math.ceil(steps / 10);
  return warmUp(rise, cosineDecay(rates.fineTune, Math.max(1, steps - rise)));
}

/** From an epoch's beginning to its last step's result: results come some steps late and several at a time, so single steps tell nothing. */
class StepClock {
  #began = 0;
  #steps = 0;
  #last = 0;
  /** Means over epochs that are over. */
  readonly #epochs: number[] = [];

  begin(): void {
    this.#close();
    this.#began = performance.now();
  }

  step(): void {
    this.#steps++;
    this.#last = performance.now();
  }

  #close(): void {
    if (this.#steps > 0) this.#epochs.push((this.#last - this.#began) / 1000 / this.#steps);
    this.#steps = 0;
  }

  /** The quickest epoch's: the first compiles programs, and others may have waited for the machine. */
  get secondsAStep(): number | undefined {
    this.#close();
    return this.#epochs.length > 0 ? Math.min(...this.#epochs) : undefined;
  }
}
