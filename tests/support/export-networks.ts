/** Networks to be written to files: between them every layer class that Thaw knows, and every way in which models are put together. */
import { loadMoreLayers } from "../../src/loaders/keras/more-layers";
import * as layers from "../../src/nn/layers/index";
import { CustomScaleLayer, LayerScale } from "../../src/nn/layers/layer-scale";
import type { Layer } from "../../src/nn/layer";
import { FunctionalModel, input, type Container } from "../../src/nn/model";
import { Sequential } from "../../src/nn/sequential";

/** Gives every parameter numbers of its own: about 0, positive where they are variances or factors. */
export function fillParameters(model: Container, seed = 1): Container {
  let state = seed;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1;
  for (const p of model.allParameters()) {
    const positive = /variance|gamma/.test(p.name);
    if (p.name === "count") p.assign([7], []);
    else p.assign(Float32Array.from({ length: p.count }, () => (positive ? 1 + 0.3 * next() : 0.3 * next())));
  }
  return model;
}

/** What TF.js lacks is left out where asked: groups, LayerScale, bilinear upsampling, rectifiers with every option. */
interface Options {
  readonly forTfjs?: boolean;
  /** One input where there are two, for what takes one. */
  readonly oneInput?: boolean;
}

/** Layers of images with weights, and what stands between them. */
export function everyImageLayer({ forTfjs = false }: Options = {}): FunctionalModel {
  const pixels = input([12, 12, 3], { name: "pixels" });
  let x = new layers.Rescaling({ name: "rescaling", scale: [1 / 60, 1 / 50, 1 / 40], offset: -1 }).apply(pixels);
  x = new layers.Normalization({ name: "normalization" }).apply(x);
  x = new layers.Normalization({ name: "normalization_given", mean: [0.1, 0, 0.2], variance: 2 }).apply(x);
  x = new layers.ZeroPadding2D({
    name: "padding",
    padding: [
      [0, 1],
      [1, 0],
    ],
  }).apply(x);
  x = new layers.Conv2D({ name: "conv", filters: 8, kernelSize: 3, strides: 2, activation: "hard_silu" }).apply(x);
  x = new layers.BatchNormalization({ name: "norm", epsilon: 1e-5, momentum: 0.9 }).apply(x);
  x = new layers.ReLU({ name: "relu", maxValue: 6 }).apply(x);
  const a = new layers.DepthwiseConv2D({ name: "depthwise", kernelSize: 3, padding: "same", activation: "silu" }).apply(
    x,
  );
  const b = new layers.SeparableConv2D({ name: "separable", filters: 8, kernelSize: 3, padding: "same" }).apply(x);
  const grouped = new layers.Conv2D({
    name: "grouped",
    filters: 8,
    kernelSize: 1,
    groups: forTfjs ? 1 : 4,
    useBias: false,
  }).apply(x);
  const sum = new layers.Add({ name: "add" }).apply([a, b, grouped]);
  const scaled = new CustomScaleLayer({ name: "custom_scale", scale: 0.3 }).apply([sum, a]);
  x = forTfjs ? scaled : new LayerScale({ name: "layer_scale", initValues: 0.5, projectionDim: 8 }).apply(scaled);
  x = new layers.LayerNormalization({ name: "layer_norm", epsilon: 1e-6 }).apply(x);
  x = new layers.PReLU({ name: "prelu", sharedAxes: [1, 2] }).apply(x);
  x = new layers.UpSampling2D({ name: "up", size: 2, interpolation: forTfjs ? "nearest" : "bilinear" }).apply(x);
  x = new layers.Cropping2D({
    name: "crop",
    cropping: [
      [1, 0],
      [0, 1],
    ],
  }).apply(x);
  x = new layers.SpatialDropout2D({ name: "spatial_dropout", rate: 0.2 }).apply(x);
  const max = new layers.MaxPooling2D({ name: "max_pool", poolSize: 3, strides: 2, padding: "same" }).apply(x);
  const mean = new layers.AveragePooling2D({ name: "mean_pool", poolSize: 3, strides: 2, padding: "same" }).apply(x);
  x = new layers.Concatenate({ name: "concat" }).apply([max, mean]);
  const global = new layers.GlobalAveragePooling2D({ name: "global_mean", keepdims: true }).apply(x);
  const gate = new layers.Activation({ name: "gate", activation: "sigmoid" }).apply(global);
  x = new layers.Multiply({ name: "multiply" }).apply([x, gate]);
  const high = new layers.GlobalMaxPooling2D({ name: "global_max" }).apply(x);
  const flat = new layers.Flatten({ name: "flatten" }).apply(
    new layers.Permute({ name: "permute", dims: [3, 1, 2] }).apply(x),
  );
  x = new layers.Concatenate({ name: "concat_flat" }).apply([high, flat]);
  const outputs = new layers.Dense({ name: "classes", units: 5, activation: "softmax" }).apply(x);
  return new FunctionalModel({ inputs: pixels, outputs, name: "every_image_layer" });
}

/** Layers of any tensors, every activation, two inputs and two outputs. */
export function everyVectorLayer({ forTfjs = false, oneInput = false }: Options = {}): FunctionalModel {
  const left = input([12], { name: "left" });
  const right = oneInput ? new layers.Dense({ name: "other", units: 12 }).apply(left) : input([12], { name: "right" });
  const shared = new layers.Dense({ name: "shared", units: 6, activation: "tanh" });
  const [a, b] = [shared.apply(left), shared.apply(right)];
  const merges = [
    new layers.Average({ name: "average" }),
    new layers.Maximum({ name: "maximum" }),
    new layers.Minimum({ name: "minimum" }),
    new layers.Subtract({ name: "subtract" }),
  ].map((layer) => layer.apply([a, b]));
  const unary: Layer[] = [
    new layers.LeakyReLU({ name: "leaky", negativeSlope: 0.1 }),
    new layers.ELU({ name: "elu", alpha: 0.7 }),
    new layers.ReLU({ name: "rectifier", maxValue: 2, ...(!forTfjs && { negativeSlope: 0.1, threshold: 0.05 }) }),
    new layers.Softmax({ name: "softmax" }),
    new layers.Identity({ name: "identity" }),
    new layers.Dropout({ name: "dropout", rate: 0.25 }),
    new layers.Dropout({ name: "noisy", rate: 0.25, noiseShape: [null, 1] }),
  ];
  const functions: layers.ActivationOptions["activation"][] = [
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "sigmoid",
    "hard_sigmoid",
    "hard_sigmoid_keras2",
    "tanh",
    "silu",
    "hard_silu",
    "gelu",
    "softplus",
    "mish",
    "softmax",
    { className: "LeakyReLU", config: { negativeSlope: 0.15 } },
    { className: "ReLU", config: { maxValue: 1.5 } },
    { className: "ELU", config: { alpha: 1.2 } },
    { className: "gelu", config: { approximate: true } },
  ];
  const wide = new layers.Concatenate({ name: "merged" }).apply(merges);
  const branches = [
    ...unary.map((layer) => layer.apply(wide)),
    ...functions.map((activation, i) => new layers.Activation({ name: `function_${i}`, activation }).apply(wide)),
    ...functions.map((activation, i) => new layers.Dense({ name: `dense_${i}`, units: 3, activation }).apply(wide)),
  ];
  const all = new layers.Concatenate({ name: "all" }).apply(branches);
  const folded = new layers.Reshape({ name: "reshape", targetShape: [-1, 4] }).apply(
    new layers.Dense({ name: "fold", units: 8 }).apply(all),
  );
  const outputs = [
    new layers.Flatten({ name: "flat" }).apply(folded),
    new layers.Dense({ name: "second", units: 2, trainable: false }).apply(all),
  ];
  return new FunctionalModel({ inputs: oneInput ? left : [left, right], outputs, name: "every_vector_layer" });
}

/** A functional base, half of it frozen, called in inference mode, inside a functional model; a Sequential inside that. */
export function nestedModel(): FunctionalModel {
  const inner = new Sequential(
    [
      new layers.Conv2D({ name: "inner_conv", filters: 4, kernelSize: 1 }),
      new layers.BatchNormalization({ name: "inner_norm" }),
    ],
    { name: "inner", inputShape: [4, 4, 6] },
  );
  const x = input([8, 8, 3], { name: "base_pixels" });
  let y = new layers.Conv2D({ name: "stem", filters: 6, kernelSize: 3, strides: 2, padding: "same" }).apply(x);
  y = new layers.BatchNormalization({ name: "stem_norm" }).apply(y);
  y = new layers.ReLU({ name: "stem_relu" }).apply(y);
  y = inner.apply(y);
  const base = new FunctionalModel({ inputs: x, outputs: new layers.ReLU({ name: "top" }).apply(y), name: "base" });
  base.freezeUpTo("stem_norm");
  const pixels = input([8, 8, 3], { name: "pixels" });
  let z = base.apply(pixels, { training: false });
  z = new layers.GlobalAveragePooling2D({ name: "pool" }).apply(z);
  z = new layers.Dropout({ name: "drop", rate: 0.3 }).apply(z);
  z = new layers.Dense({ name: "head", units: 3, activation: "softmax" }).apply(z);
  return new FunctionalModel({ inputs: pixels, outputs: z, name: "nested" });
}

/** A Sequential with a frozen functional base first. */
export function sequentialModel(): Sequential {
  const x = input([8, 8, 3], { name: "pixels" });
  let y = new layers.Conv2D({ name: "stem", filters: 6, kernelSize: 3, strides: 2 }).apply(x);
  y = new layers.BatchNormalization({ name: "stem_norm" }).apply(y);
  const base = new FunctionalModel({ inputs: x, outputs: new layers.ReLU({ name: "relu" }).apply(y), name: "trunk" });
  base.trainable = false;
  return new Sequential(
    [
      base,
      new layers.GlobalAveragePooling2D({ name: "pool" }),
      new layers.Dense({
        name: "hidden",
        units: 8,
        activation: { className: "LeakyReLU", config: { negativeSlope: 0.1 } },
      }),
      new layers.Dense({ name: "head", units: 3, activation: "softmax" }),
    ],
    { name: "classifier" },
  );
}

/** Layers that are loaded on demand: transposed convolution, group and unit normalization, attention. */
export async function layersOnDemand(): Promise<FunctionalModel> {
  const more = await loadMoreLayers();
  const x = input([6, 6, 4], { name: "x" });
  const up = { filters: 6, kernelSize: 3, strides: 2, padding: "same", activation: "relu" } as const;
  let y = new more.Conv2DTranspose({ name: "up", ...up }).apply(x);
  y = new more.GroupNormalization({ name: "groups", groups: 2 }).apply(y);
  y = new layers.MaxPooling2D({ name: "pool", poolSize: 3 }).apply(y);
  const tokens = new layers.Reshape({ name: "tokens", targetShape: [16, 6] }).apply(y);
  const attention = { numHeads: 2, keyDim: 3, valueDim: 4, dropout: 0.1 };
  y = new more.MultiHeadAttention({ name: "attention", ...attention }).apply([tokens, tokens]);
  y = new layers.Add({ name: "sum" }).apply([tokens, y]);
  y = new more.UnitNormalization({ name: "unit", axis: -1 }).apply(y);
  const flat = new layers.Flatten({ name: "flat" }).apply(y);
  const outputs = new layers.Dense({ name: "head", units: 3 }).apply(flat);
  return new FunctionalModel({ inputs: x, outputs, name: "on_demand" });
}

/** A table of vectors, which takes whole numbers below 9. */
export async function embeddingModel(): Promise<Sequential> {
  const { Embedding } = await loadMoreLayers();
  const table = new Embedding({ name: "table", inputDim: 9, outputDim: 5 });
  const rest = [new layers.Flatten({ name: "flat" }), new layers.Dense({ name: "head", units: 3 })];
  return new Sequential([table, ...rest], { name: "embedding", inputShape: [4] });
}
