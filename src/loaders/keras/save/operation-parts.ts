/** Layers of Thaw's own that compute what operations of Keras can say. */
import type { Layer } from "../../../nn/layer";
import { ScalarOperation } from "../scalar-operation";
import { emittedParts, isSaidByOperations } from "./emitted/parts";
import type { PartContext } from "./layer-parts";
import { chain, rescaling, type Part, type Parts } from "./parts";

/** `x + 3.0` and its like: an operation of Keras 3, and elsewhere a Rescaling. */
function scalarParts(layer: ScalarOperation, { dialect, functional }: PartContext): readonly Part[] {
  const { operation, value, numberFirst = false } = layer.options;
  const { scale, offset } = layer.affine;
  if (dialect !== 3 || !functional) return chain([rescaling("", scale, offset)]);
  const number = { constant: value };
  return [
    {
      suffix: "",
      className: operation,
      module: "keras.src.ops.numpy",
      config: {},
      inputs: numberFirst ? [number, "x0"] : ["x0", number],
    },
  ];
}

/** @returns a text where the dialect cannot say what the layer computes: what is wrong. */
export function operationParts(layer: Layer, context: PartContext): Parts | string {
  if (layer instanceof ScalarOperation) return { parts: scalarParts(layer, context) };
  if (isSaidByOperations(layer)) return emittedParts(layer, context.shapes, context.dialect);
  return `the class ${layer.className}`;
}
