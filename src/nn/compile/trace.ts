/** Pass 1, graph: the layers' `call`, then the loss and the metrics. */
import { formatShape, ThawError } from "../../errors";
import { arrayWords, type ArrayFormat } from "../../kernels/gather/format";
import { elements, type Shape } from "../../kernels/operation";
import type { Accumulator } from "../accumulator";
import { Graph, type Value } from "../graph";
import type { Container } from "../model";

export type Mode = "train" | "evaluate" | "predict";

/** A loss or metric as an operation over the model's output and the labels; plain data. */
export interface Objective {
  readonly name: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Shape of the labels for an output of this shape, both with the batch dimension. */
  readonly labelShape: (output: Shape) => Shape;
  /** Of a metric that is not the mean over rows of what `op` gives: how it is computed from counts over a pass. */
  readonly accumulator?: Accumulator;
}

/** Samples that lie on the GPU as one array; a step gathers its batch from it. */
export interface ResidentData {
  /** Elements of one sample. */
  readonly sample: number;
  readonly count: number;
  readonly format: ArrayFormat;
}

/** What a step computes from, before the first layer; and what the loss and the metrics are. */
export interface Batch {
  readonly x: Value;
  readonly labels: Value;
  readonly loss: Objective;
  readonly metrics: readonly Objective[];
  /** Shape of the model's output for this batch, as the loss is told it: the last axis is the number of classes. */
  readonly output: Shape;
  /** What the loss reads besides predictions and labels, by the names of its operation's inputs. */
  readonly lossInputs?: Readonly<Record<string, Value>>;
}

/**
 * What is done to each batch on the GPU between the data set and the first layer, such as augmentation: it may replace samples and labels, and
 * with them the loss and the metrics that read these. Made by thaw/transfer.
 */
export interface Preparation {
  /** Everything that it depends on: equal keys stand for the same operations. */
  readonly key: string;
  readonly apply: (g: Graph, batch: Batch) => Batch;
}

export interface TraceRequest {
  readonly model: Container;
  readonly batchSize: number;
  readonly mode: Mode;
  readonly loss?: Objective | undefined;
  readonly metrics?: readonly Objective[];
  /** Where the batch comes from: gathered from resident data, or (absent) written from outside before each step. */
  readonly feed?: { readonly x: ResidentData; readonly labels?: ResidentData } | undefined;
  readonly preparation?: Preparation | undefined;
}

export interface Traced {
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly labels?: Value;
  readonly outputs: readonly Value[];
  readonly loss?: Value;
  readonly metrics: readonly Value[];
}

export function trace(request: TraceRequest): Traced {
  const { model, batchSize, mode } = request;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ThawError(model.name, `batch size ${batchSize}`, "a whole number above 0");
  model.assignPaths();
  const g = new Graph(batchSize);
  const inputs = model.inputs.map((t, i) => {
    const shape = [batchSize, ...t.shape];
    return request.feed && i === 0 ? gather(g, "x", shape, request.feed.x) : g.input(t.layer.name, shape);
  });
  g.phase = "forward";
  if (mode === "predict") {
    const outputs = model.call(g, inputs, { training: false });
    return { graph: g, inputs, outputs, metrics: [] };
  }
  const { loss } = request;
  if (!loss)
    throw new ThawError(model.name, "there is no loss", "a loss for training and evaluation", "Pass one to compile().");
  if (model.outputs.length !== 1)
    throw new ThawError(model.name, `has ${model.outputs.length} outputs`, "one output for training and evaluation");
  const output = [batchSize, ...model.outputs[0].shape];
  const labelShape = loss.labelShape(output);
  const fed = request.feed?.labels;
  const labels = fed ? gather(g, "labels", labelShape, fed) : g.input("labels", labelShape);
  g.phase = "forward";
  let batch: Batch = { x: inputs[0], labels, loss, metrics: request.metrics ?? [], output };
  if (request.preparation) batch = request.preparation.apply(g, batch);
  const outputs = model.call(g, [batch.x, ...inputs.slice(1)], { training: mode === "train" });
  const y = outputs[0];
  const objective = (m: Objective, inputs?: Batch["lossInputs"]) => {
    const expected = m.labelShape(y.shape);
    if (elements(expected) !== elements(batch.labels.shape))
      throw new ThawError(m.name, `labels of shape ${formatShape(batch.labels.shape)}`, formatShape(expected));
    return g.apply(m.op, m.attrs, { x: y, labels: batch.labels, ...inputs });
  };
  const lossValue = g.within("loss", () => objective(batch.loss, batch.lossInputs));
  const metrics = batch.metrics.flatMap((m) =>
    g.within("metrics", () => m.accumulator?.add(g, m, y, batch) ?? objective(m)),
  );
  return { graph: g, inputs, labels, outputs, loss: lossValue, metrics };
}

function gather(g: Graph, what: "x" | "labels", shape: Shape, data: ResidentData): Value {
  const sample = elements(shape.slice(1));
  if (sample !== data.sample) {
    throw new ThawError(
      what,
      `samples of ${data.sample} elements`,
      `${sample} elements (${formatShape(shape.slice(1))})`,
    );
  }
  const words = arrayWords(data.format, data.count, sample);
  const source = g.value({ name: `data ${what}`, shape: [words], role: "resource", resource: `data:${what}` });
  const index = g.value({ name: "index", shape: [data.count], role: "resource", resource: "index" });
  g.phase = "feed";
  const attrs = { format: data.format, shape };
  return g.within("data", () => g.apply("gather", attrs, { data: source, index }));
}
