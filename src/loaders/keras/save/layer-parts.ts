/** One layer in the words of a dialect: mostly one part, a class with its options. */
import type { Layer, SampleShape } from "../../../nn/layer";
import type { ActivationConfig } from "../../../nn/layers/activations";
import { snakeCaseKeys } from "../../../nn/layers/keras-options";
import { isKnownLayer } from "../../../nn/layers/registry";
import { customClass } from "../custom";
import { ScalarOperation } from "../scalar-operation";
import { writeActivation } from "./activations";
import { isSaidByOperations } from "./emitted/parts";
import type { SaveDialect } from "./entries";
import { moduleOf } from "./modules";
import { isOperationPart, type Part, type Parts } from "./parts";
import { keras2Parts } from "./keras2-parts";
import { operationParts } from "./operation-parts";

/** Called with one list, also of one tensor. */
const listLayers = new Set([
  "Add",
  "Average",
  "Concatenate",
  "CustomScaleLayer",
  "Maximum",
  "Minimum",
  "Multiply",
  "Subtract",
]);

export interface PartContext {
  readonly dialect: SaveDialect;
  /** Of the layer's inputs, without the batch. */
  readonly shapes: readonly SampleShape[];
  /** Whether parts may be operations, and read inputs twice: in functional models. */
  readonly functional: boolean;
}

/**
 * @returns a text where the dialect cannot say what the layer computes: what is wrong.
 */
export function partsOf(layer: Layer, context: PartContext): Parts | string {
  const found = findParts(layer, context);
  if (typeof found === "string" || context.functional) return found;
  const inChain = found.parts.every(
    (part, i) => !isOperationPart(part) && part.inputs.length === 1 && part.inputs[0] === (i === 0 ? "x0" : i - 1),
  );
  return inChain && !found.outputs
    ? found
    : `${layer.className} within a Sequential model: functional models can have it`;
}

function findParts(layer: Layer, context: PartContext): Parts | string {
  const custom = customClass(layer.className);
  if (custom && !isKnownLayer(layer) && !isSaidByOperations(layer)) {
    const registered = { registeredName: custom, module: null };
    return { parts: single(layer, snakeCaseKeys(layer.config()), context, registered) };
  }
  if (layer instanceof ScalarOperation || !isKnownLayer(layer)) return operationParts(layer, context);
  const { activation, ...rest } = layer.config() as { activation?: ActivationConfig };
  const config = evenStatistics(snakeCaseKeys(rest));
  const own =
    context.dialect !== 2
      ? single(layer, config, context)
      : keras2Parts(layer, config, (plain) => single(layer, plain, context));
  if (typeof own === "string") return own;
  if (activation === undefined) return { parts: own };
  const written = writeActivation(activation, context.dialect);
  if (typeof written === "string") return written;
  if (layer.className === "Activation" && written.after.length > 0) return { parts: written.after };
  const [first, ...others] = own as readonly [Part, ...Part[]];
  const after = written.after.map((part) => ({
    ...part,
    inputs: part.inputs.map((input) =>
      input === "x0" ? own.length - 1 : typeof input === "number" ? input + own.length : input,
    ),
  }));
  return { parts: [{ ...first, config: { ...first.config, activation: written.value } }, ...others, ...after] };
}

function single(
  layer: Layer,
  config: Readonly<Record<string, unknown>>,
  { shapes }: PartContext,
  registered?: { readonly registeredName: string; readonly module: null },
): Part[] {
  const { className } = layer;
  return [
    {
      suffix: "",
      className: registered?.registeredName.split(">").at(-1) ?? className,
      ...(registered ?? moduleOf(className)),
      config,
      inputs: shapes.map((_, i) => `x${i}` as const),
      // Attention takes query, value and key as arguments of their own.
      asList: (shapes.length > 1 && className !== "MultiHeadAttention") || listLayers.has(className),
      ownsWeights: true,
    },
  ];
}

/** Keras wants a Normalization's given mean and variance to be of one length. */
function evenStatistics(config: Record<string, unknown>): Record<string, unknown> {
  const { mean, variance } = config;
  if (Array.isArray(mean) && typeof variance === "number") return { ...config, variance: mean.map(() => variance) };
  if (Array.isArray(variance) && typeof mean === "number") return { ...config, mean: variance.map(() => mean) };
  return config;
}
