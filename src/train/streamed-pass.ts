/** A pass over streamed data: steps read cached features where frozen layers allow it, else the two windows that are on the GPU. */
import type { Mode } from "../nn/compile/trace";
import type { CheckedDataset } from "./dataset";
import type { FeatureUse } from "./features";
import type { Caching, ModelTrainer } from "./model-trainer";
import { epochSeed, shuffledOrder } from "./resident";
import { weightsOf, weigh } from "./sampling";
import type { Pass } from "./session";
import { consecutive, StreamedData } from "./streamed-data";

export async function streamedPass(
  trainer: ModelTrainer,
  mode: Mode,
  data: CheckedDataset,
  batchSize: number,
  slot: FeatureUse["slot"],
  caching: Caching | undefined,
): Promise<Pass> {
  const { count, label, y } = data;
  const { classWeight, ...rest } = caching ?? { epochs: 1 };
  const weighted = data.weights !== undefined || classWeight !== undefined;
  // With labels known before, all that can be wrong with weights is found here.
  const weights = weighted && y ? (weigh(data, classWeight, undefined).data.weights as Float32Array) : undefined;
  const unweighted: CheckedDataset = { ...data, weights: undefined };
  const own = caching && (rest as Omit<Caching, "classWeight">);
  if (own && trainer.features.decide({ ...own, slot, mode, data, batchSize }).part !== "none") {
    const resident: CheckedDataset = {
      ...unweighted,
      y: y ?? new Float32Array(count * label),
      ...(weighted && { weights: weights ?? new Float32Array(count) }),
      stream: { ...data.stream!, remember: (read) => learn(read) },
    };
    const pass = await trainer.pass(mode, resident, batchSize, slot, own, null);
    /** Labels that come with the samples are known when the features are. */
    const learn = (read: Float32Array) => {
      data.stream!.remember(read);
      const { resources } = pass.data;
      const { memory } = trainer.gpu;
      memory.write(resources.get("data:labels")!, 0, read);
      if (weighted)
        memory.write(
          resources.get("data:weights")!,
          0,
          weightsOf({ count, label, y: read, weights: data.weights }, classWeight),
        );
    };
    return pass;
  }
  const ofWindow = (indices: Uint32Array, labels: Float32Array | undefined) => {
    const given = weights ?? data.weights;
    const chosen = given && Array.from(indices, (i) => given[i]);
    // Where all weights are known, their classes' are among them.
    return weightsOf({ count: indices.length, label, y: labels, weights: chosen }, weights ? undefined : classWeight);
  };
  const held = new StreamedData(trainer.gpu, unweighted, {
    label: slot,
    batchSize,
    weightsOf: weighted ? ofWindow : undefined,
    passes: rest.epochs,
    foreseen: foreseenOrder(count, mode, caching),
    signal: caching?.signal,
    preparation: caching?.preparation,
  });
  held.allocate();
  try {
    return await trainer.pass(mode, unweighted, batchSize, slot, own && { ...own, cacheFeatures: false }, held);
  } catch (error) {
    held.dispose();
    throw error;
  }
}

/** Orders of one's own are asked for when their epoch begins, as they may depend on what was learned until then. */
function foreseenOrder(
  count: number,
  mode: Mode,
  caching: Caching | undefined,
): (pass: number) => Uint32Array<ArrayBuffer> | undefined {
  const { shuffle = false, seed = 0 } = caching ?? {};
  if (mode !== "train" || shuffle === false) return () => consecutive(count);
  return (pass) => (shuffle === true ? shuffledOrder(count, epochSeed(seed, pass)) : undefined);
}
