/** Layers in the words of Keras 2 as TF.js 4 reads them, which lacks some classes and options. */
import type { Layer } from "../../../nn/layer";
import type { Normalization } from "../../../nn/layers/normalization";
import { oneOrAll } from "../../../nn/layers/rescaling";
import { eluOf, rectifierPart } from "./activations";
import { chain, rescaling, type Part } from "./parts";

type Json = Readonly<Record<string, unknown>>;
type Translate = (config: Json, single: (config: Json) => Part[], layer: Layer) => readonly Part[] | string;

/** The same class without some options, which have to have these values. */
const without =
  (defaults: Json): Translate =>
  (config, single) => {
    const rest = { ...config };
    for (const [key, value] of Object.entries(defaults)) {
      if (JSON.stringify(rest[key] ?? value) !== JSON.stringify(value)) return `${key} = ${JSON.stringify(rest[key])}`;
      delete rest[key];
    }
    return single(rest);
  };

const refused =
  (why: string): Translate =>
  () =>
    why;

/** Pooling that keeps height and width as 1 is followed by a Reshape. */
const globalPooling: Translate = (config, single, layer) => {
  const { keepdims, ...rest } = config;
  const own = single(rest);
  const channels = layer.builtShapes?.[0].at(-1);
  if (keepdims !== true || channels === undefined) return own;
  return [
    { ...own[0], shape: [channels] },
    { suffix: "keepdims", className: "Reshape", config: { target_shape: [1, 1, channels] }, inputs: [0] },
  ];
};

const rectifier: Translate = (config) => {
  const part = rectifierPart("", config);
  return typeof part === "string" ? part : chain([part]);
};

/** Keras's lower bound of the deviation. */
const leastDeviation = 1e-7;

/** Its statistics do not train, so they may as well stand in the options of a Rescaling. */
function normalization({ mean: givenMean, variance: givenVariance }: Json, { mean, variance }: Normalization): Part[] {
  const means = mean ? [...mean.value] : [givenMean as number | number[]].flat();
  const scale = (variance ? [...variance.value] : [givenVariance as number | number[]].flat()).map(
    (v) => 1 / Math.max(Math.sqrt(v), leastDeviation),
  );
  const length = Math.max(means.length, scale.length);
  const offset = Array.from({ length }, (_, i) => -means[i % means.length] * scale[i % scale.length]);
  const config = { scale: oneOrAll(scale), offset: oneOrAll(offset) };
  return chain([{ suffix: "", className: "Rescaling", config }]);
}

const absent = (className: string) => refused(`TF.js has no ${className}`);

const translations: Readonly<Record<string, Translate>> = {
  Conv2D: without({ groups: 1 }),
  Conv2DTranspose: without({ output_padding: null, dilation_rate: [1, 1] }),
  ReLU: rectifier,
  LeakyReLU: (config, single) => single({ alpha: config.negative_slope }),
  ELU: (config) => eluOf(Number(config.alpha)),
  GlobalAveragePooling2D: globalPooling,
  GlobalMaxPooling2D: globalPooling,
  Identity: () => chain([{ suffix: "", className: "Activation", config: { activation: "linear" } }]),
  SpatialDropout2D: ({ rate }) =>
    chain([{ suffix: "", className: "Dropout", config: { rate, seed: null, noise_shape: [null, 1, 1, null] } }]),
  CustomScaleLayer: ({ scale }) => [
    { ...rescaling("scale", Number(scale), 0), inputs: ["x1"] },
    { suffix: "", className: "Add", config: {}, inputs: ["x0", 0], asList: true },
  ],
  Subtract: () => [
    { ...rescaling("minus", -1, 0), inputs: ["x1"] },
    { suffix: "", className: "Add", config: {}, inputs: ["x0", 0], asList: true },
  ],
  // TF.js does not work out sizes that are left open.
  Reshape: (_, single, layer) => single({ target_shape: layer.outputShapes(layer.builtShapes!)[0] }),
  UpSampling2D: (config, single) =>
    config.interpolation === "bilinear"
      ? "bilinear upsampling, for which TF.js takes other points than Keras"
      : single(config),
  ...Object.fromEntries(
    ["LayerScale", "GroupNormalization", "MultiHeadAttention", "UnitNormalization"].map((c) => [c, absent(c)]),
  ),
  Normalization: (config, _, layer) => normalization(config, layer as Normalization),
};

export function keras2Parts(layer: Layer, config: Json, single: (config: Json) => Part[]): readonly Part[] | string {
  const translate = Object.hasOwn(translations, layer.className) ? translations[layer.className] : undefined;
  return translate ? translate(config, single, layer) : single(config);
}
