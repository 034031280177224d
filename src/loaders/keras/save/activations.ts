/** Activation functions as Keras writes them: a word, a layer in its place, or further layers behind the one that has it. */
import type { ActivationConfig } from "../../../nn/layers/activations";
import type { SaveDialect } from "./entries";
import { chain, rescaling, type Part } from "./parts";

/** What stands in a layer's configuration, and what has to follow the layer where Keras has no word for it. */
export interface WrittenActivation {
  readonly value: unknown;
  /** "x0" is the layer's output. */
  readonly after: readonly Part[];
}

type Settings = Readonly<Record<string, unknown>>;

const words: Readonly<Record<2 | 3, ReadonlySet<string>>> = {
  3: new Set(
    "linear relu relu6 leaky_relu elu selu sigmoid hard_sigmoid tanh silu hard_silu gelu softplus mish softmax".split(
      " ",
    ),
  ),
  2: new Set("linear relu relu6 elu selu sigmoid tanh gelu softplus mish softmax".split(" ")),
};

/** Words of Keras 2 for the same functions. */
const olderWords: Readonly<Record<string, string>> = { silu: "swish", hard_sigmoid_keras2: "hard_sigmoid" };

/** With what TF.js has of the options. */
const relu = (suffix: string, maxValue: number | null) => ({
  suffix,
  className: "ReLU",
  config: { max_value: maxValue },
});

const hardSigmoid = () => [rescaling("shift", 1, 3), relu("clip", 6), rescaling("scale", 1 / 6, 0)];
const hardSigmoidKeras2 = () => [
  rescaling("scale", 0.2, 0.5),
  { suffix: "clip", className: "ReLU", config: { max_value: 1, negative_slope: 0, threshold: 0 } },
];

/** x times the last of the parts. */
const timesInput = (parts: readonly Part[]): Part[] => [
  ...parts,
  { suffix: "product", className: "Multiply", config: {}, inputs: ["x0", parts.length - 1], asList: true },
];

/** x (1 + tanh(c (x + 0.044715 x^3))) / 2 with c = sqrt(2 / pi). */
function tanhGelu(): Part[] {
  const c = Math.sqrt(2 / Math.PI);
  return timesInput([
    // TF.js frees a tensor too early that stands in a list twice.
    { ...rescaling("once", 1, 0), inputs: ["x0"] },
    { ...rescaling("twice", 1, 0), inputs: [0] },
    { suffix: "cube", className: "Multiply", config: {}, inputs: ["x0", 0, 1], asList: true },
    { ...rescaling("cube_scale", 0.044715 * c, 0), inputs: [2] },
    { ...rescaling("scale", c, 0), inputs: ["x0"] },
    { suffix: "sum", className: "Add", config: {}, inputs: [3, 4], asList: true },
    { suffix: "tanh", className: "Activation", config: { activation: "tanh" }, inputs: [5] },
    { ...rescaling("half", 0.5, 0.5), inputs: [6] },
  ]);
}

/** relu(x) + alpha * elu(-relu(-x)): TF.js has the function for alpha = 1 alone. */
export function eluOf(alpha: number): Part[] {
  if (alpha === 1) return chain([{ suffix: "elu", className: "ELU", config: { alpha: 1 } }]);
  return [
    { ...relu("positive", null), inputs: ["x0"] },
    { ...rescaling("minus", -1, 0), inputs: ["x0"] },
    { ...relu("negative", null), inputs: [1] },
    { ...rescaling("minus_again", -1, 0), inputs: [2] },
    { suffix: "elu", className: "ELU", config: { alpha: 1 }, inputs: [3] },
    { ...rescaling("alpha", alpha, 0), inputs: [4] },
    { suffix: "sum", className: "Add", config: {}, inputs: [0, 5], asList: true },
  ];
}

const word = (value: string): WrittenActivation => ({ value, after: [] });
const behind = (after: readonly Part[]): WrittenActivation => ({ value: "linear", after });

/** The function with its settings spelt out: `leaky_relu` is LeakyReLU of 0.2. */
function settled(activation: ActivationConfig): { name: string; settings: Settings } {
  if (typeof activation === "string") return { name: activation, settings: {} };
  const { className, config } = activation;
  const settings = (typeof config === "object" && config !== null ? config : {}) as Settings;
  if (className === "gelu") return { name: settings.approximate === true ? "gelu_tanh" : "gelu", settings: {} };
  if (className === "LeakyReLU")
    return { name: className, settings: { negative_slope: settings.negativeSlope ?? settings.alpha ?? 0.3 } };
  if (className === "ELU") return { name: className, settings: { alpha: settings.alpha ?? 1 } };
  if (className === "Softmax") return { name: className, settings: { axis: -1 } };
  const { maxValue = null, negativeSlope = 0, threshold = 0 } = settings;
  return { name: className, settings: { max_value: maxValue, negative_slope: negativeSlope, threshold } };
}

/** @returns a text where the dialect cannot say it: what is wrong. */
export function writeActivation(activation: ActivationConfig, dialect: SaveDialect): WrittenActivation | string {
  const { name, settings } = settled(activation);
  return dialect === 2 ? forKeras2(name, settings) : forKeras3(name, settings, dialect === 3);
}

function forKeras3(name: string, settings: Settings, operations: boolean): WrittenActivation | string {
  if (words[3].has(name)) return word(name);
  if (name === "hard_sigmoid_keras2") return behind(chain(hardSigmoidKeras2()));
  if (name === "gelu_tanh" && !operations) return behind(tanhGelu());
  if (name === "gelu_tanh") {
    const config = { approximate: true };
    return behind(chain([{ suffix: "gelu", className: "Gelu", module: "keras.src.ops.nn", config }]));
  }
  if (!["ReLU", "LeakyReLU", "ELU", "Softmax"].includes(name)) return `the activation ${name}`;
  return {
    value: { module: "keras.layers", class_name: name, config: settings, registered_name: null },
    after: [],
  };
}

function forKeras2(name: string, settings: Settings): WrittenActivation | string {
  const now = olderWords[name];
  if (now || words[2].has(name)) return word(now ?? name);
  switch (name) {
    case "hard_sigmoid":
      return behind(chain(hardSigmoid()));
    case "hard_silu":
      return behind(timesInput(chain(hardSigmoid())));
    case "gelu_tanh":
      return behind(tanhGelu());
    case "leaky_relu":
      return behind(chain([{ suffix: "leaky_relu", className: "LeakyReLU", config: { alpha: 0.2 } }]));
    case "LeakyReLU":
      return behind(
        chain([{ suffix: "leaky_relu", className: "LeakyReLU", config: { alpha: settings.negative_slope } }]),
      );
    case "ELU":
      return behind(eluOf(Number(settings.alpha)));
    case "Softmax":
      return word("softmax");
    case "ReLU":
      return rectifierForKeras2(settings);
    default:
      return `the activation ${name}`;
  }
}

function rectifierForKeras2(settings: Settings): WrittenActivation | string {
  const part = rectifierPart("relu", settings);
  return typeof part === "string" ? part : behind(chain([part]));
}

/** TF.js has rectifiers with a bound or with a slope. */
export function rectifierPart(suffix: string, settings: Settings): Omit<Part, "inputs"> | string {
  const { max_value: bound, negative_slope: slope, threshold } = settings;
  if (threshold === 0 && slope === 0) return { suffix, className: "ReLU", config: { max_value: bound } };
  if (threshold === 0 && bound === null) return { suffix, className: "LeakyReLU", config: { alpha: slope } };
  return `a rectifier with max_value ${String(bound)}, negative_slope ${String(slope)} and threshold ${String(threshold)}`;
}
