/** Training steps in TF.js on tensors that stay on the GPU, with the memory the first one takes. */
import type { Dataset } from "../../../src/index";
import { watchMemory } from "../measure/counts";
import type { Network } from "../networks/layers";
import { buildTfjs, compileTfjs, emptyTfjsPool, layers, tf, watchTfjsInUse, type Tensor, type WeightsOf } from "./tfjs";

export interface TfjsStep {
  /** One step. @returns its loss. */
  readonly step: () => Promise<number>;
  /** All batches once. @returns the mean loss. */
  readonly epoch: () => Promise<number>;
  readonly dispose: () => void;
}

/** A step or epoch of which it is measured how much memory it took. */
export interface Watched {
  readonly loss: number;
  /** Peaks in bytes: in use, and with what is kept for reuse. */
  readonly inUse: number;
  readonly allocated: number;
}

interface Started {
  readonly model: layers.LayersModel;
  readonly images: Tensor;
  readonly labels: Tensor;
}

const start = (model: layers.LayersModel, { x, y, shape }: Dataset, classes: number): Started => ({
  model,
  images: tf.tensor(x, [y!.length, ...shape]),
  labels: tf.tidy(() => tf.oneHot(tf.tensor1d(Array.from(y!), "int32"), classes).toFloat()),
});

function stepsOf({ model, images, labels }: Started, batch: number): TfjsStep {
  const options = { batchSize: batch, epochs: 1, shuffle: false, verbose: 0, yieldEvery: "never" } as const;
  return {
    step: async () => Number(await model.trainOnBatch(images, labels)),
    epoch: async () => Number((await model.fit(images, labels, options)).history.loss[0]),
    dispose: () => {
      tf.dispose([images, labels]);
      model.dispose();
    },
  };
}

/** @param action makes what is to be watched and runs it once; its second result is the loss. */
async function watched<T>(action: () => Promise<[T, number]>): Promise<[T, Watched]> {
  emptyTfjsPool();
  const allocated = watchMemory();
  const inUse = watchTfjsInUse();
  const [made, loss] = await action();
  return [made, { loss, inUse: inUse(), allocated: allocated() }];
}

export interface NetworkOptions {
  readonly network: Network;
  /** One batch. */
  readonly data: Dataset;
  readonly weights: WeightsOf;
  readonly isTrainable: (layer: string) => boolean;
  /** Frozen normalizations as TF.js runs them: with the statistics of the batch. Default false. */
  readonly asItComes?: boolean;
}

/** The training of a network, after its first step. */
export const startNetwork = async (options: NetworkOptions): Promise<[TfjsStep, Watched]> =>
  await watched(async () => {
    const { network, data, weights, isTrainable, asItComes } = options;
    const model = buildTfjs(network, weights);
    compileTfjs(model, isTrainable, asItComes);
    const steps = stepsOf(start(model, data, network.classes), network.batch);
    return [steps, await steps.step()];
  });

/** A dense head alone, after its first epoch. @param data features, a whole number of batches. */
export const startDense = async (
  weights: readonly Float32Array[],
  units: number,
  data: Dataset,
  batch: number,
): Promise<[TfjsStep, Watched]> =>
  await watched(async () => {
    const [width] = data.shape;
    const model = layers.sequential({ layers: [layers.layers.dense({ units, inputShape: [width] })] });
    const tensors = [tf.tensor(weights[0], [width, units]), tf.tensor(weights[1], [units])];
    model.setWeights(tensors);
    tf.dispose(tensors);
    compileTfjs(model, () => true);
    const steps = stepsOf(start(model, data, units), batch);
    return [steps, await steps.epoch()];
  });
