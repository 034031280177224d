/** What a data set's weights, class weights and an order of one's own make of a training. Loaded where there are some. */
import { ThawError } from "../errors";
import { registerOperations } from "../kernels/registry";
import { weightedLosses, weightedName } from "../kernels/weighted/weighted";
import type { Preparation } from "../nn/compile/trace";
import type { CheckedDataset } from "./dataset";

/** Data with a weight a sample, and the preparation that brings the weights of the batch to the loss. */
export interface Weighed {
  readonly data: CheckedDataset;
  readonly preparation: Preparation;
}

/**
 * @param classWeight by class id; labels with one value a class count as their largest, as in Keras.
 * @param then what else is done to each batch
 * @throws for weights that are negative or not finite, another number of them than samples, and class weights without classes.
 */
export function weigh(
  data: CheckedDataset,
  classWeight: Readonly<Record<number, number>> | undefined,
  then: Preparation | undefined,
): Weighed {
  const weights = weightsOf(data, classWeight);
  if (classWeight) {
    const classes = new Set(classesOf(data));
    const strange = Object.keys(classWeight).find((id) => !classes.has(Number(id)));
    if (strange !== undefined)
      throw new ThawError("classWeight", `class ${strange}, which no sample has`, "class ids that the labels hold");
  }
  return { data: { ...data, weights }, preparation: weighing(data.count, then) };
}

/** The weight of each sample, its class's among it. @throws for weights that are negative or not finite, and for another number of them. */
export function weightsOf(
  data: Pick<CheckedDataset, "count" | "label" | "y" | "weights">,
  classWeight: Readonly<Record<number, number>> | undefined,
): Float32Array {
  const { count } = data;
  const given = data.weights ?? [];
  if (data.weights && given.length !== count)
    throw new ThawError("weights", `${given.length} for ${count} samples`, "one a sample");
  const weights = Float32Array.from({ length: count }, (_, i) => given[i] ?? 1);
  if (classWeight) classesOf(data).forEach((id, i) => (weights[i] *= classWeight[id] ?? 1));
  const bad = weights.findIndex((w) => !(w >= 0 && w < Infinity));
  if (bad >= 0) throw new ThawError("weights", `${weights[bad]} for sample ${bad}`, "finite numbers, none below 0");
  return weights;
}

/** Brings the weights of the batch to the loss. @param count of the weights that lie on the GPU */
export function weighing(count: number, then: Preparation | undefined): Preparation {
  registerOperations(weightedLosses);
  return {
    key: `weights ${count} ${then?.key ?? ""}`,
    apply(g, batch) {
      const { loss, labels } = batch;
      if (!weightedLosses.some((op) => op.name === weightedName(loss.op)))
        throw new ThawError("weights", `the loss ${loss.name} takes none`, "cross-entropy or mean squared error");
      const array = (name: string, resource: string) => g.value({ name, shape: [count], role: "resource", resource });
      const inputs = { data: array("data weights", "data:weights"), index: array("index", "index") };
      const attrs = { format: "float32", shape: [labels.shape[0]] };
      const own = g.emit("gather", attrs, inputs, { layer: "data", phase: "feed" }).y;
      const weighed = {
        ...batch,
        loss: { ...loss, op: weightedName(loss.op) },
        lossInputs: { ...batch.lossInputs, weights: own },
      };
      return then ? then.apply(g, weighed) : weighed;
    },
  };
}

function classesOf({ count, label, y }: Pick<CheckedDataset, "count" | "label" | "y">): number[] {
  if (!y || (label === 1 && y.some((v) => !Number.isInteger(v))))
    throw new ThawError("classWeight", "labels are not classes", "class ids, 0 and 1, or one value a class");
  if (label === 1) return Array.from(y);
  return Array.from({ length: count }, (_, i) => {
    const row = y.subarray(i * label, (i + 1) * label);
    return row.indexOf(Math.max(...row));
  });
}

/**
 * The order of an epoch that a function gives.
 *
 * @throws for another length than the number of samples, or an index that no sample has.
 */
export function orderOf(order: ArrayLike<number>, count: number): Uint32Array<ArrayBuffer> {
  if (order.length !== count)
    throw new ThawError("shuffle", `an order of ${order.length} for ${count} samples`, `${count} indices`);
  const bad = Array.from(order).find((i) => !Number.isInteger(i) || i < 0 || i >= count);
  if (bad !== undefined) throw new ThawError("shuffle", `index ${bad}`, `whole numbers from 0 to ${count - 1}`);
  return Uint32Array.from(order);
}
