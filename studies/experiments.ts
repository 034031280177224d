/**
 * The experiments of the study: each is a list of conditions, and a condition gives one row for a seed. A row's numbers are measured on
 * held-out images once, at its end.
 */
import { freezePoints, lastOfBlocks } from "../src/loaders/index";
import { adam, ThawError } from "../src/index";
import {
  augmentation,
  defaultAugmentation,
  pretrainSimCLR,
  simclrAugmentation,
  snapshotWeights,
  trainWithPseudoLabels,
  weightChange,
} from "../src/transfer/index";
import type { Lab } from "./lab";

/** Numbers by name; accuracies are shares. Time is measured where the freezing depth decides it. */
export type Measured = Readonly<Record<string, number>>;

export interface Condition {
  /** e.g. "labels/25/frozen" */
  readonly id: string;
  readonly run: (lab: Lab, seed: number) => Promise<Measured>;
}

/** Accuracy against the number of labels: scratch, frozen, and the frozen network fine-tuned. */
function labels(lab: Lab): Condition[] {
  return lab.settings.labels.flatMap((n): Condition[] => [
    {
      id: `labels/${n}/scratch`,
      run: async (_, seed) => {
        const transfer = await lab.network(seed, "scratch");
        await lab.scratch(transfer, lab.labelled(n, seed), seed);
        const accuracy = await lab.accuracy(transfer);
        transfer.model.dispose();
        return { accuracy };
      },
    },
    {
      id: `labels/${n}/frozen`,
      run: async (_, seed) => {
        const transfer = await lab.network(seed);
        await lab.head(transfer, lab.labelled(n, seed), seed);
        const accuracy = await lab.accuracy(transfer);
        transfer.model.dispose();
        return { accuracy };
      },
    },
    {
      id: `labels/${n}/fine-tuned`,
      run: async (_, seed) => {
        const transfer = await lab.network(seed);
        const data = lab.labelled(n, seed);
        await lab.head(transfer, data, seed);
        await lab.fineTune(transfer, data, seed);
        const accuracy = await lab.accuracy(transfer);
        transfer.model.dispose();
        return { accuracy };
      },
    },
  ]);
}

/** The trade-off between slower and more flexible: how much of the base is thawed. */
async function depth(lab: Lab): Promise<Condition[]> {
  const { base, model } = await lab.network(1);
  const points = lastOfBlocks(freezePoints(base));
  model.dispose();
  // None, then five cuts from the bottom up, the last of which leaves the head alone.
  const cuts = [null, ...[0, 2, 4, 6, points.length - 1].map((i) => points[i]?.layer).filter((l) => l !== undefined)];
  return cuts.map((cut) => ({
    id: `depth/${cut ?? "nothing"}`,
    run: async (_, seed) => {
      const { settings } = lab;
      const transfer = await lab.network(seed);
      const data = lab.labelled(settings.some, seed);
      await lab.head(transfer, data, seed);
      if (cut === null) transfer.base.trainable = true;
      else transfer.base.freezeUpTo(cut);
      const { batchSize } = settings;
      const epochs = lab.epochs(data);
      // Without cached features: what a step costs is what the depth decides.
      const plan = transfer.model.plan({ batchSize, data, cacheFeatures: false });
      const { steps, seconds } = await transfer.model.fit(data, {
        batchSize,
        epochs,
        seed,
        cacheFeatures: false,
        optimizer: adam(settings.rates.fineTuning),
      });
      const accuracy = await lab.accuracy(transfer);
      transfer.model.dispose();
      return {
        accuracy,
        millisecondsPerStep: (1000 * seconds) / steps,
        peakBytes: plan.peakBytes,
        savedActivationBytes: plan.fields.savedActivationBytes,
        dispatches: plan.dispatches,
        frozenLayers: transfer.base.flatLayers().filter((l) => l.parameters.length > 0 && !l.trainable).length,
      };
    },
  }));
}

const withAugmentation = (lab: Lab): Condition[] =>
  [false, true].map((on) => ({
    id: `augmentation/${on ? "with" : "without"}`,
    run: async (_, seed) => {
      const { few } = lab.settings;
      const transfer = await lab.network(seed);
      const data = lab.labelled(few, seed);
      const more = on ? { preparation: augmentation(defaultAugmentation()) } : {};
      // Augmented images are computed anew in each epoch: as many epochs as both can afford.
      await lab.head(transfer, data, seed, { ...more, epochs: lab.epochs(data) });
      await lab.fineTune(transfer, data, seed, more);
      const accuracy = await lab.accuracy(transfer);
      transfer.model.dispose();
      return { accuracy };
    },
  }));

const pseudoLabels = (lab: Lab): Condition[] => [
  {
    id: "pseudo-labels/with",
    run: async (_, seed) => {
      const { few, batchSize, epochs, rates } = lab.settings;
      const transfer = await lab.network(seed);
      const data = lab.labelled(few, seed);
      await lab.head(transfer, data, seed);
      await lab.fineTune(transfer, data, seed);
      const before = await lab.accuracy(transfer);
      const options = {
        rounds: 2,
        // Lower than the default: after so few labels hardly any image is above 0.95.
        threshold: 0.8,
        fromLogits: true,
        batchSize,
        epochs: Math.max(1, Math.floor(epochs / 3)),
        seed,
        optimizer: adam(rates.fineTuning),
        classNames: transfer.classNames,
      };
      let kept = 0;
      try {
        const { rounds } = await trainWithPseudoLabels(transfer.model, data, lab.unlabelled, options);
        kept = rounds.at(-1)?.kept ?? 0;
      } catch (error) {
        // A result too: the model is sure of nothing, and stays as it is.
        if (!(error instanceof ThawError && error.message.includes("reaches the threshold"))) throw error;
      }
      const accuracy = await lab.accuracy(transfer);
      transfer.model.dispose();
      return { before, accuracy, kept, of: lab.settings.unlabelled };
    },
  },
];

/** From scratch again, but with features that were learnt from images without labels. */
const selfSupervised = (lab: Lab): Condition[] => [
  {
    id: "simclr/pretrained-on-unlabelled",
    run: async (_, seed) => {
      const { few, pretraining } = lab.settings;
      const transfer = await lab.build(seed, "scratch");
      transfer.base.trainable = true;
      await pretrainSimCLR(transfer.base, lab.unlabelled, {
        ...pretraining,
        augmentation: augmentation(simclrAugmentation()),
        gpu: lab.gpu,
        seed,
      });
      await lab.compile(transfer.model);
      const data = lab.labelled(few, seed);
      await lab.head(transfer, data, seed);
      const linear = await lab.accuracy(transfer);
      await lab.scratch(transfer, data, seed);
      const accuracy = await lab.accuracy(transfer);
      transfer.model.dispose();
      return { linear, accuracy };
    },
  },
];

/** A low rate specialises, a high one un-trains. */
const rates = (lab: Lab): Condition[] =>
  lab.settings.comparedRates.map((rate) => ({
    id: `rate/${rate}`,
    run: async (_, seed) => {
      const transfer = await lab.network(seed);
      const data = lab.labelled(lab.settings.some, seed);
      await lab.head(transfer, data, seed);
      const before = await lab.accuracy(transfer);
      await transfer.model.readWeights(); // the base alone is not compiled, and does not know what is on the GPU
      const start = await snapshotWeights(transfer.base);
      // Monitored by the training loss, which a high rate lowers too: what it costs shows on held-out images.
      const { history } = await lab.fineTune(transfer, data, seed, { learningRate: rate });
      const accuracy = await lab.accuracy(transfer);
      await transfer.model.readWeights();
      const moved = await weightChange(transfer.base, start);
      transfer.model.dispose();
      const mean = moved.reduce((sum, { relative }) => sum + relative, 0) / moved.length;
      return { before, accuracy, movedOnAverage: mean, firstLoss: history.loss[0], lastLoss: history.loss.at(-1)! };
    },
  }));

export async function experiments(lab: Lab): Promise<Condition[]> {
  return [
    ...labels(lab),
    ...(await depth(lab)),
    ...withAugmentation(lab),
    ...pseudoLabels(lab),
    ...selfSupervised(lab),
    ...rates(lab),
  ];
}
