/** Activation functions by Keras's names, as what they write into a graph. */
import { ThawError } from "../../errors";
import type { Activation as Elementwise } from "../../kernels/activation/activation";
import type { Graph, Value } from "../graph";

/** As in a Keras configuration: a name, or a class (a layer used as activation) with its settings in camelCase. */
export type ActivationConfig = string | { readonly className: string; readonly config?: string | object | null };

export interface ActivationFunction {
  /** What a configuration holds for it. */
  readonly config: ActivationConfig;
  /** Writes the operation; "linear" writes nothing and gives the value back. */
  readonly emit: (g: Graph, x: Value) => Value;
}

const elementwise = (settings: Elementwise) => (g: Graph, x: Value) => g.apply("activation", settings, { x });

/** Bounded and leaky forms: y = min(x, maxValue) from the threshold on, negativeSlope * (x - threshold) below it. */
export function rectifier(maxValue: number | undefined, negativeSlope: number, threshold: number): Elementwise {
  return {
    kind: "relu",
    ...(maxValue !== undefined && { maxValue }),
    ...(negativeSlope !== 0 && { slope: negativeSlope }),
    ...(threshold !== 0 && { threshold }),
  };
}

/** Klambauer et al. 2017: the constants that keep mean 0 and variance 1. */
const selu = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

type Emit = ActivationFunction["emit"];

const byName: Readonly<Record<string, Emit>> = {
  linear: (_, x) => x,
  relu: elementwise({ kind: "relu" }),
  relu6: elementwise({ kind: "relu", maxValue: 6 }),
  leaky_relu: elementwise({ kind: "relu", slope: 0.2 }),
  elu: elementwise({ kind: "elu" }),
  selu: (g, x) =>
    g.apply("affine", { scale: selu.scale, offset: 0 }, { x: elementwise({ kind: "elu", slope: selu.alpha })(g, x) }),
  sigmoid: elementwise({ kind: "sigmoid" }),
  hard_sigmoid: elementwise({ kind: "hardSigmoid" }),
  // Until Keras 2 hard_sigmoid was clip(0.2 x + 0.5, 0, 1); files of that time mean this.
  hard_sigmoid_keras2: (g, x) =>
    elementwise({ kind: "relu", maxValue: 1 })(g, g.apply("affine", { scale: 0.2, offset: 0.5 }, { x })),
  tanh: elementwise({ kind: "tanh" }),
  silu: elementwise({ kind: "silu" }),
  hard_silu: elementwise({ kind: "hardSilu" }),
  gelu: elementwise({ kind: "gelu" }),
  softplus: elementwise({ kind: "softplus" }),
  mish: (g, x) =>
    g.apply("multiply", {}, { a: x, b: elementwise({ kind: "tanh" })(g, elementwise({ kind: "softplus" })(g, x)) }),
  softmax: (g, x) => g.apply("softmax", {}, { x }),
};

const aliases: Readonly<Record<string, string>> = { swish: "silu", hard_swish: "hard_silu" };

/** Names that `parseActivation` takes. */
export function knownActivations(): string[] {
  return [...Object.keys(byName), ...Object.keys(aliases)].toSorted();
}

type Numbers = Readonly<Record<string, number | null | undefined>>;

/** Layers that Keras lets stand in for a function, and functions with a setting. */
const byClass: Readonly<Record<string, (config: Numbers) => Emit | undefined>> = {
  ReLU: (c) => elementwise(rectifier(c.maxValue ?? undefined, c.negativeSlope ?? 0, c.threshold ?? 0)),
  LeakyReLU: (c) => elementwise(rectifier(undefined, c.negativeSlope ?? c.alpha ?? 0.3, 0)),
  ELU: (c) => elementwise({ kind: "elu", slope: c.alpha ?? 1 }),
  Softmax: (c) => ((c.axis ?? -1) === -1 ? byName.softmax : undefined),
  gelu: (c) => elementwise({ kind: c.approximate ? "geluTanh" : "gelu" }),
};

/**
 * @param spec Keras's name ("relu6", "swish"), or `{ className, config }`; nothing means "linear".
 * @param who the layer that asks, for the error.
 * @throws when Thaw has no such activation, with the list of those it has.
 */
export function parseActivation(spec: ActivationConfig | null | undefined, who = "activation"): ActivationFunction {
  if (spec === null || spec === undefined) return { config: "linear", emit: byName.linear };
  if (typeof spec === "object") {
    // Keras writes functions as { class_name: "function", config: "relu" } and the layer Activation around a name.
    if (typeof spec.config === "string") return parseActivation(spec.config, who);
    const settings = (spec.config ?? {}) as Numbers & { activation?: ActivationConfig };
    if (spec.className === "Activation") return parseActivation(settings.activation, who);
    const emit = Object.hasOwn(byClass, spec.className) ? byClass[spec.className](settings) : undefined;
    if (emit) return { config: spec, emit };
    return parseActivation(
      Object.keys(settings).length > 0 ? `${spec.className} ${JSON.stringify(settings)}` : spec.className,
      who,
    );
  }
  const name = aliases[spec] ?? spec;
  if (!Object.hasOwn(byName, name)) {
    throw new ThawError(
      who,
      `the activation ${JSON.stringify(spec)} is not known`,
      `one of ${knownActivations().join(", ")}`,
    );
  }
  return { config: name, emit: byName[name] };
}
