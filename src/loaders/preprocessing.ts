/** How pixels become what a network expects: known by the architecture, or said by the user; run on the GPU. */
import { ThawError } from "../errors";
import type { Layer } from "../nn/layer";
import { Container, FunctionalModel, input } from "../nn/model";
import { preprocess } from "../nn/preprocess";
import type { Preprocessing } from "../nn/preprocessing";
import { topologicalOrder } from "../nn/symbolic";

const imageNetMean = [0.485, 0.456, 0.406];
const imageNetDeviation = [0.229, 0.224, 0.225];

/**
 * The three ways of `keras.applications.imagenet_utils.preprocess_input`, by its names: "tf" to -1..1; "torch" to 0..1, then
 * normalised with ImageNet's mean and deviation, which is torchvision's way too; "caffe" to blue first, less ImageNet's mean.
 */
export const preprocessings: Readonly<Record<"tf" | "torch" | "caffe" | "none", Preprocessing>> = {
  none: { mode: "none", channels: "rgb", scale: [1], offset: [0] },
  tf: { mode: "tf", channels: "rgb", scale: [1 / 127.5], offset: [-1] },
  torch: {
    mode: "torch",
    channels: "rgb",
    scale: imageNetDeviation.map((deviation) => 1 / (255 * deviation)),
    offset: imageNetMean.map((mean, i) => -mean / imageNetDeviation[i]),
  },
  caffe: { mode: "caffe", channels: "bgr", scale: [1], offset: [-103.939, -116.779, -123.68] },
};

/**
 * Names that `keras.applications` gives its networks, and what its `preprocess_input` does for each (the modules of
 * keras/src/applications). Networks with a Rescaling or Normalization layer at their beginning are told by that.
 */
const families: readonly (readonly [RegExp, keyof typeof preprocessings])[] = [
  [/^(mobilenet_\d|mobilenetv2|xception|inception|nasnet|resnet\d+v2)/i, "tf"],
  [/^(vgg|resnet\d+$)/i, "caffe"],
  [/^densenet/i, "torch"],
];

/** What options may say of it: one of Keras's names, or the numbers. */
export type PreprocessingOption =
  | keyof typeof preprocessings
  | {
      readonly channels?: "rgb" | "bgr";
      readonly scale: number | readonly number[];
      readonly offset?: number | readonly number[];
    };

/** @throws for an unknown name. */
export function parsePreprocessing(who: string, option: PreprocessingOption): Preprocessing {
  if (typeof option === "string") {
    if (Object.hasOwn(preprocessings, option)) return preprocessings[option];
    const names = Object.keys(preprocessings).join(", ");
    throw new ThawError(who, `preprocessing ${JSON.stringify(option)}`, `${names}, or { scale, offset, channels }`);
  }
  const list = (value: number | readonly number[]) => (typeof value === "number" ? [value] : value);
  const { channels = "rgb", scale, offset = 0 } = option;
  return { mode: "custom", channels, scale: list(scale), offset: list(offset) };
}

/**
 * What the network's layers and name tell; undefined where they tell nothing.
 *
 * @param named whether Keras gave the names: other frameworks have networks of the same names, with other weights.
 */
export function knownPreprocessing(model: Container, named = true): Preprocessing | undefined {
  const first = firstLayers(model);
  if (first.some((layer) => /^(Rescaling|Normalization)$/.test(layer.className))) return preprocessings.none;
  if (!named) return undefined;
  const names = [model.name, ...first.flatMap((layer) => (layer instanceof Container ? [layer.name] : []))];
  const family = families.find(([pattern]) => names.some((name) => pattern.test(name)));
  return family && preprocessings[family[1]];
}

/** Layers that see the pixels first, looking into models that are called on them. */
function firstLayers(model: Container): Layer[] {
  const inputs = new Set(model.inputs.map((t) => t.layer));
  const first = topologicalOrder(model.outputs).filter((call) => call.inputs.some((t) => inputs.has(t.layer)));
  return first.flatMap(({ layer }) => (layer instanceof Container ? [layer, ...firstLayers(layer)] : [layer]));
}

/**
 * The model with its preprocessing in front, so that it takes pixels: 0 to 255, red first, as images are decoded. The layers
 * are the model's own, not copies; what is put before them has no weights and runs on the GPU. A model that takes pixels already is returned as it is.
 *
 * @param preprocessing default: what the model says of itself (`model.preprocessing`).
 * @throws where neither says anything.
 * @example const classifier = withPreprocessing(await loadModel("mobilenet_v2.keras"));
 */
export function withPreprocessing(model: Container, preprocessing?: PreprocessingOption): Container {
  const wanted = preprocessing === undefined ? model.preprocessing : parsePreprocessing(model.name, preprocessing);
  if (!wanted)
    throw new ThawError(
      model.name,
      "does not say what it expects of its pixels",
      "a preprocessing",
      'Pass one: "tf" for -1 to 1, "torch" for ImageNet\'s mean and deviation, "caffe", "none", or { scale, offset }.',
    );
  if (wanted.mode === "none") return model;
  const pixels = input(model.inputShape);
  const whole = new FunctionalModel({
    inputs: pixels,
    outputs: model.apply(preprocess(pixels, wanted)),
    name: `${model.name}_with_preprocessing`,
  });
  whole.preprocessing = preprocessings.none;
  return whole;
}
