/** Random changes of each training batch on the GPU. */
import { ThawError } from "../../errors";
import { augmentOperations } from "../../kernels/augment/augment";
import { registerOperations } from "../../kernels/registry";
import type { Batch, Objective, Preparation } from "../../nn/compile/trace";
import type { Graph, Value } from "../../nn/graph";
import { hash } from "../../nn/hash";
import { tableOf, type Table } from "./table";
import type { AugmentationList } from "./transform";

export interface AugmentationOptions {
  /** Mixed into the numbers that are drawn, besides fit's own seed; default 0. */
  readonly seed?: number;
}

/**
 * What `fit(data, { preparation })` does to each training batch before the first layer: each sample draws its own numbers in each step, from the
 * seeds and the step alone, so that the same training gives the same bits. Pixels are expected as the data set has them (0 to 255), before the network's own preprocessing.
 * Evaluation and prediction see samples as they are; feature caching is off, as no epoch sees the same samples.
 *
 * On the GPU a first, tiny launch draws for each sample; then all transforms that move pixels are one affine map, looked up once, and all colours are
 * changed in registers on the way: one pass over the batch (and another for each blurring, and for mixing, which needs two finished samples).
 *
 * Transforms that move pixels come first, in the list's order among themselves, then colours and erasing in the list's order, then mixing. As pixels are looked up once,
 * they differ from Keras's layers in a row where an earlier transform's filled border would be moved into view.
 *
 * @throws for transforms out of their ranges, two that mix, different ways to fill; when it is applied, for samples that are not images of one to
 *   four channels, and for losses and metrics that cannot read mixed labels.
 */
export function augmentation(list: AugmentationList, { seed = 0 }: AugmentationOptions = {}): Preparation {
  if (!Number.isInteger(seed)) throw new ThawError("augmentation", `seed ${seed}`, "a whole number");
  const table = tableOf(list);
  const key = `augmentation ${JSON.stringify([list, seed])}`;
  return { key, apply: (g, batch) => (table.entries === 0 ? batch : apply(g, batch, table, key)) };
}

function apply(g: Graph, batch: Batch, table: Table, key: string): Batch {
  registerOperations(augmentOperations);
  return g.within("augmentation", () => {
    const { entries, numbers, mixing } = table;
    const list = g.constant("augmentation list", [numbers.length], numbers);
    // Views of the same samples in one step draw different numbers.
    const before = g.nodes.filter(({ op }) => op === "augmentDraw").length;
    const attrs = { entries, salt: hash(`${key} ${before}`) };
    const parameters = g.apply("augmentDraw", attrs, { x: batch.x, list });
    const x = changed(g, batch.x, list, parameters, table);
    if (!mixing) return { ...batch, x };
    const mixed = g.apply("augmentMix", { entries, ...mixing }, { x, parameters });
    return { ...batch, x: mixed, ...mixLabels(g, batch, parameters, table) };
  });
}

function changed(g: Graph, start: Value, list: Value, parameters: Value, table: Table): Value {
  const { entries, fill } = table;
  let x = start;
  for (const [i, pass] of table.passes.entries()) {
    const { first, last, uses, contrasts, blur } = pass;
    const moves = i === 0 && table.moves;
    if (moves || uses.length > 0)
      x = g.apply("augmentPixels", { entries, first, last, uses, moves, ...fill, contrasts }, { x, list, parameters });
    if (blur) x = g.apply("augmentBlur", { entries, ...blur }, { x, parameters });
  }
  return x;
}

const losses = ["categoricalCrossEntropy", "binaryCrossEntropy", "meanSquaredError"];

/** Labels as shares, and the loss and metrics that read these. */
function mixLabels(g: Graph, batch: Batch, parameters: Value, { entries, mixing }: Table) {
  const { labels, loss, metrics, output } = batch;
  const who = mixing!.cut ? "cutMix" : "mixUp";
  const plain = loss.op.replace(/^weighted./, (start) => start.slice(-1).toLowerCase());
  if (!losses.includes(plain))
    throw new ThawError(who, `the loss ${loss.name} cannot read mixed labels`, "cross-entropy or mean squared error");
  const sparse = loss.attrs.sparse === true;
  const soft = (o: Objective, attrs: object): Objective => ({
    ...o,
    attrs: { ...o.attrs, ...attrs },
    labelShape: (shape) => shape,
  });
  const metric = (m: Objective) => {
    if (!sparse || m.accumulator) return m;
    if (m.op === "accuracy" && m.attrs.kind === "sparse") return soft(m, { kind: "categorical" });
    throw new ThawError(
      who,
      `the metric ${m.name} reads class ids, which mixed samples do not have`,
      "accuracy, top-k accuracy, or none",
    );
  };
  const attrs = { entries, classes: output.at(-1)!, sparse };
  return {
    labels: g.apply("augmentLabels", attrs, { labels, parameters }),
    loss: sparse ? soft(loss, { sparse: false }) : loss,
    metrics: metrics.map(metric),
  };
}
