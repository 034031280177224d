/** The studio's network: a pretrained base and a new head, made anew for each training that begins at the beginning. */
import { BatchNormalization, reinitialize, sparseCategoricalCrossentropy, type Gpu, type Layer } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import { blocksOf, buildTransferModel, type TransferModel } from "../../src/transfer/index";
import type { LayerInfo, NetworkInfo } from "./protocol";

/** A file's bytes or files, which can be read again. */
export type NetworkSource = Uint8Array<ArrayBuffer> | readonly File[];

export interface NetworkOptions {
  readonly gpu: Gpu;
  readonly classNames: readonly string[];
  readonly seed: number;
}

const compile = async (gpu: Gpu, { model }: TransferModel) => {
  await model.compile({ gpu, loss: sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
};

const load = async (source: NetworkSource) => await loadModel(source instanceof Uint8Array ? source : [...source]);

/** Pretrained layers, frozen, under a new head; compiled. */
export async function pretrained(source: NetworkSource, { gpu, classNames, seed }: NetworkOptions) {
  const transfer = buildTransferModel(await load(source), { classes: classNames, seed });
  await compile(gpu, transfer);
  return transfer;
}

/** The same layers with what they had learnt forgotten, and all of them trainable; compiled. */
export async function newcomer(source: NetworkSource, { gpu, classNames, seed }: NetworkOptions) {
  const transfer = buildTransferModel(await load(source), {
    classes: classNames,
    seed,
    trainBatchNormalization: true,
    name: "from_scratch",
  });
  transfer.base.trainable = true;
  reinitialize(transfer.model, seed);
  // Moving statistics begin at variance 1 and forget it slowly; a newcomer has few steps, and a fair comparison needs quicker ones.
  for (const layer of transfer.model.flatLayers()) if (layer instanceof BatchNormalization) layer.momentum = 0.8;
  await compile(gpu, transfer);
  return transfer;
}

const weightsOf = (layer: Layer) => layer.parameters.reduce((n, p) => n + p.count, 0);

const describeLayer = (layer: Layer): LayerInfo => ({
  name: layer.name,
  className: layer.className,
  parameters: weightsOf(layer),
});

export function describeNetwork({ base, head }: TransferModel): NetworkInfo {
  const blocks = blocksOf(base).map(({ name, layers }) => ({ name, layers: layers.map(describeLayer) }));
  return {
    name: base.name,
    inputShape: base.inputShape,
    blocks,
    head: head.map(describeLayer),
    parameters: [...base.flatLayers(), ...head].reduce((n, layer) => n + weightsOf(layer), 0),
  };
}

/** Freezes the base's layers of these names, and thaws its others. The head always learns. */
export function freeze({ base, head }: TransferModel, frozen: readonly string[]): void {
  const names = new Set(frozen);
  for (const layer of base.flatLayers()) layer.trainable = !names.has(layer.name);
  for (const layer of head) layer.trainable = true;
}
