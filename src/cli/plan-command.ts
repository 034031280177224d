/** `thaw plan FILE`: what a step does for a network, batch and frozen part, and what it leaves out. No GPU is touched. */
import {
  Container,
  Dense,
  FunctionalModel,
  formatBytes,
  formatFlops,
  makePlan,
  parseLoss,
  parseOptimizer,
  sparseCategoricalCrossentropy,
  ThawError,
  type AdapterTraits,
  type Layer,
  type Mode,
  type Objective,
  type Plan,
  type PlanRequest,
  type SymbolicTensor,
} from "../index";
import { loadModel } from "../loaders/index";
import type { Io } from "./io";

export interface PlanArguments {
  readonly batch: number;
  /** "all", "base" (all but the head), "none", or the last layer to freeze. */
  readonly freeze: string;
  readonly mode: Mode;
  readonly adapter: AdapterName;
  readonly optimizer: string;
  readonly loss?: string;
  readonly classes?: number;
  /** Size of a data set to train on, whose features are cached where that is possible. */
  readonly samples?: number;
  readonly json?: boolean;
}

/**
 * Adapters to plan for, as there is none to ask. Kernels are chosen by them: software adapters pay dearly for barriers.
 * "gpu" is what every GPU of the last ten years has; "software" is SwiftShader.
 */
export const adapters = {
  gpu: { software: false, features: ["timestamp-query"], maxWorkgroupStorage: 32768, maxInvocations: 256 },
  software: { software: true, features: ["timestamp-query"], maxWorkgroupStorage: 32768, maxInvocations: 256 },
} as const satisfies Record<string, AdapterTraits>;
export type AdapterName = keyof typeof adapters;

export async function planCommand(file: string, options: PlanArguments, io: Io): Promise<void> {
  const loaded = await loadModel(file);
  const model = options.classes === undefined ? loaded : withNewHead(loaded, options.classes);
  const plan = planFor(model, options.freeze, options);
  if (options.json) {
    const { batch: _, json: __, ...request } = options;
    io.out(`${JSON.stringify({ file, ...request, ...plan.toJSON() }, null, 2)}\n`);
    return;
  }
  io.out(`${file}: ${describeFreeze(options.freeze)}; kernels for adapter "${options.adapter}"\n${String(plan)}\n`);
  if (options.mode === "train" && options.freeze !== "none")
    io.out(`\n${saved(plan, planFor(model, "none", options))}\n`);
}

function planFor(model: Container, frozen: string, options: PlanArguments): Plan {
  const { batch, mode, adapter, optimizer, samples } = options;
  freeze(model, frozen);
  const trains = mode === "train";
  const loss = options.loss === undefined ? lossFor(model) : parseLoss(options.loss);
  return makePlan({
    model,
    batchSize: batch,
    mode,
    adapter: adapters[adapter],
    ...(mode !== "predict" && { loss }),
    ...(trains && { optimizer: parseOptimizer(optimizer) }),
    ...(mode !== "predict" && samples !== undefined && overSamples(model, loss, samples)),
  });
}

/** A data set of bytes on the GPU, and its features cached in float32. */
function overSamples(model: Container, loss: Objective, count: number): Pick<PlanRequest, "feed" | "features"> {
  const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const label = elements(loss.labelShape([1, ...model.outputs[0].shape]));
  return {
    feed: {
      x: { sample: elements(model.inputShape), count, format: "uint8" },
      labels: { sample: label, count, format: "float32" },
    },
    features: { part: "above", format: "float32", count },
  };
}

/**
 * "none" thaws everything, "all" freezes everything, "base" everything but the head, which is the last layer with weights;
 * a layer's name freezes up to it.
 */
export function freeze(model: Container, what: string): void {
  if (what === "none") {
    model.trainable = true;
  } else if (what === "all") {
    model.trainable = false;
  } else if (what === "base") {
    model.trainable = false;
    const head = model.flatLayers().findLast((l) => l.parameters.some((p) => p.kind === "weight"));
    if (!head) throw new ThawError("plan", `${model.name} has no weights`, "a network with weights");
    head.trainable = true;
  } else {
    model.freezeUpTo(what);
  }
}

function describeFreeze(what: string): string {
  if (what === "none") return "nothing is frozen";
  if (what === "all") return "everything is frozen";
  return what === "base" ? "everything but the head is frozen" : `frozen up to ${what}`;
}

/** The call that gives an output, with activations and reshapes after the last weights skipped. */
function headTensor(model: Container): SymbolicTensor {
  let tensor = model.outputs[0];
  while (tensor.layer.allParameters().length === 0 && tensor.call.inputs.length > 0) tensor = tensor.call.inputs[0];
  return tensor;
}

/** The network with its last Dense layer, and what follows it, replaced by one for `classes` classes. */
export function withNewHead(model: Container, classes: number): FunctionalModel {
  const { layer, call } = headTensor(model);
  if (!(layer instanceof Dense)) {
    const happened = `the last layer of ${model.name} with weights is ${layer.name} (${layer.className})`;
    throw new ThawError("plan", happened, "a Dense layer, to put a new head in its place", "Leave --classes out.");
  }
  const head = new Dense({ name: layer.name, units: classes, seed: 1 }).apply(call.inputs[0]);
  return new FunctionalModel({ inputs: model.inputs, outputs: head, name: model.name });
}

/** The loss that the last activation asks for; without one the output is taken for logits of classes. */
export function lossFor(model: Container): Objective {
  let last: Layer = model.outputs[0].layer;
  while (last instanceof Container) last = last.outputs[0].layer;
  const activation = last.className === "Softmax" ? "softmax" : last.config().activation;
  if (activation === "sigmoid") return parseLoss("binaryCrossentropy");
  return sparseCategoricalCrossentropy({ fromLogits: activation !== "softmax" });
}

/** What a plan saves against another: one line a quantity. */
function saved(plan: Plan, full: Plan): string {
  const rows: [string, number, number, (n: number) => string][] = [
    ["backward dispatches", full.totals("backward").dispatches, plan.totals("backward").dispatches, String],
    ["backward FLOPs", full.totals("backward").flops, plan.totals("backward").flops, formatFlops],
    ["saved activations", full.fields.savedActivationBytes, plan.fields.savedActivationBytes, formatBytes],
    ["peak memory", full.peakBytes, plan.peakBytes, formatBytes],
  ];
  const lines = rows.map(([name, before, after, format]) => {
    const share = before > 0 ? `${((100 * after) / before).toFixed(1)} %`.padStart(9) : "";
    return `  ${name.padEnd(20)} ${format(before).padStart(9)} -> ${format(after).padStart(9)} ${share}`;
  });
  return ["what freezing saves, against nothing frozen:", ...lines].join("\n");
}
