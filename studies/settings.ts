/** What every condition of the study shares. Nothing is chosen by looking at the held-out images. */
export interface StudySettings {
  readonly seeds: readonly number[];
  /** Labelled images of each class. */
  readonly labels: readonly number[];
  /** The number of labels in comparisons that do not vary it. */
  readonly few: number;
  readonly some: number;
  readonly heldOut: number;
  readonly unlabelled: number;
  readonly batchSize: number;
  readonly headEpochs: number;
  readonly epochs: number;
  /** Steps that a training has at least: few images are seen in more epochs, so that it is labels that vary and not time. */
  readonly leastSteps: { readonly head: number; readonly all: number };
  readonly pretraining: { readonly epochs: number; readonly batchSize: number };
  readonly rates: { readonly head: number; readonly fineTuning: number; readonly scratch: number };
  readonly comparedRates: readonly number[];
}

export const full: StudySettings = {
  seeds: [1, 2, 3],
  labels: [10, 25, 50, 100, 200],
  few: 25,
  some: 50,
  heldOut: 1000,
  unlabelled: 1000,
  batchSize: 20,
  headEpochs: 30,
  epochs: 5,
  leastSteps: { head: 200, all: 50 },
  pretraining: { epochs: 5, batchSize: 50 },
  rates: { head: 3e-3, fineTuning: 1e-4, scratch: 1e-3 },
  comparedRates: [1e-5, 1e-4, 1e-3, 1e-2],
};

/** Shows within minutes that everything works; its numbers are too few to conclude from. */
export const quick: StudySettings = {
  ...full,
  seeds: [1],
  labels: [10, 50],
  heldOut: 200,
  unlabelled: 200,
  headEpochs: 10,
  epochs: 2,
  leastSteps: { head: 20, all: 10 },
  pretraining: { epochs: 1, batchSize: 50 },
  comparedRates: [1e-4, 1e-2],
};
