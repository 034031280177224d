/** What is known to hurt, said with the numbers of the case. None of it stops a training. */
import { BatchNormalization } from "../../nn/layers/batch-normalization";
import type { Parameter } from "../../nn/parameter";
import type { TransferModel } from "./build";

// A warning that nobody asked for belongs where developers look.
// eslint-disable-next-line no-console
export const toConsole = (text: string): void => console.warn(text);

/** Part of a weight's usual size that one step of Adam may move it by, above which fine-tuning unlearns. */
export const largestShare = 0.01;

/** Samples below which statistics of a batch are poor: the mean of 16 is off by a quarter of the deviation (1 / sqrt(n)). */
export const leastBatch = 16;

const percent = (share: number): string => {
  const value = 100 * share;
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} %`;
};

const rootMeanSquare = (parameters: readonly Parameter[]): number => {
  let [sum, count] = [0, 0];
  for (const { value } of parameters) {
    for (const v of value) sum += v * v;
    count += value.length;
  }
  return Math.sqrt(sum / Math.max(1, count));
};

/**
 * A high rate on thawed weights. Adam moves a weight by up to the rate in a step, whatever the gradient's size (Kingma and Ba 2015,
 * section 2.1), so the rate against the weights' size says how fast they can be lost.
 */
export function highRate(base: readonly Parameter[], learningRate: number, stepsPerEpoch: number): string | undefined {
  const kernels = base.filter((p) => p.shape.length > 1);
  const size = rootMeanSquare(kernels.length > 0 ? kernels : base);
  const share = learningRate / size;
  if (!(share > largestShare)) return undefined;
  return (
    `A learning rate of ${learningRate} is high for thawed weights: a step of Adam may move each by ${percent(share)} of their usual size ` +
    `(root mean square ${size.toPrecision(2)}), and an epoch has ${stepsPerEpoch} steps. ` +
    `Pretrained weights are best kept below ${percent(largestShare)}: ${Number((largestShare * size).toPrecision(1))} here.`
  );
}

/** Thawing under a head that knows nothing yet: its random gradients would spoil the features. */
export function freshHead(loss: number, classes: number): string | undefined {
  const chance = Math.log(classes);
  if (!(loss > 0.9 * chance)) return undefined;
  return (
    `The head is hardly trained: its loss is ${loss.toPrecision(3)}, and guessing among ${classes} classes gives ${chance.toPrecision(3)}. ` +
    "Its first gradients would spoil what the thawed layers know. Train the head first."
  );
}

/** Batch normalization that takes its statistics from few samples. */
export function smallBatch({ base, trainsBatchNormalization }: TransferModel, batchSize: number): string | undefined {
  if (!trainsBatchNormalization || batchSize >= leastBatch) return undefined;
  const count = base.flatLayers().filter((l) => l instanceof BatchNormalization && l.trainable).length;
  if (count === 0) return undefined;
  return (
    `${count} layers of batch normalization take their statistics from batches of ${batchSize}: the mean over ${batchSize} samples is off by about ` +
    `${percent(1 / Math.sqrt(batchSize))} of the deviation. Use ${leastBatch} or more, or leave trainBatchNormalization off.`
  );
}

/** Classes that differ much in size, or have hardly any samples. */
export function classSizes(counts: readonly number[], names: readonly string[], weighted: boolean): string[] {
  const found: string[] = [];
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (!weighted && least > 0 && most >= 4 * least) {
    const [rare, frequent] = [names[counts.indexOf(least)], names[counts.indexOf(most)]];
    found.push(
      `${frequent} has ${most} samples and ${rare} ${least}: a network that always says ${frequent} is right in ` +
        `${percent(most / counts.reduce((a, b) => a + b, 0))} of all cases. Pass classWeight: "balanced".`,
    );
  }
  counts.forEach((n, id) => {
    if (n === 1) found.push(`${names[id]} has one sample: nothing can be said of how well it is learnt.`);
  });
  return found;
}
