/** Where a pretrained network ends and its head begins. */
import { formatShape, ThawError } from "../../errors";
import { Container, FunctionalModel } from "../../nn/model";
import type { SymbolicTensor } from "../../nn/symbolic";

/** Layers without weights that stand between and behind the dense layers of a head. */
const passive = /^(Activation|Softmax|ReLU|Dropout|Reshape|Flatten|Permute|InputLayer)$/;

const onlyInput = (t: SymbolicTensor): SymbolicTensor => {
  if (t.call.inputs.length !== 1)
    throw new ThawError(
      t.layer.name,
      "no head was found above it",
      "a network that ends in one dense layer",
      "Name the last layer to keep: { lastLayer }.",
    );
  return t.call.inputs[0];
};

/** A dense layer, or a convolution that is one: over a single pixel. */
const isDense = ({ layer, call }: SymbolicTensor): boolean =>
  layer.className === "Dense" || (layer.className === "Conv2D" && pixels(call.inputs[0]) === 1);

const pixels = ({ shape }: SymbolicTensor): number => (shape.length === 3 ? shape[0] * shape[1] : 1);

/** Below dense layers and what stands between them; undefined where there is none of them. */
function belowDense(from: SymbolicTensor): SymbolicTensor | undefined {
  let t = from;
  while (passive.test(t.layer.className) && t.call.inputs.length === 1) t = t.call.inputs[0];
  return isDense(t) ? onlyInput(t) : undefined;
}

/**
 * The tensor that a new head stands on: below the last dense layer (or the convolution over a single pixel that some networks
 * have instead); where further dense layers stand on a flattened picture (VGG, AlexNet), below all of them, because they are bound
 * to one image size and hold most of the weights. A network that ends in features already, in a picture or pooled, is kept whole.
 */
function features(output: SymbolicTensor): SymbolicTensor {
  if (pixels(output) > 1) return output;
  let t = belowDense(output);
  if (!t) return output;
  for (let below: SymbolicTensor | undefined = t; below; below = belowDense(below)) {
    let flat = below;
    while (passive.test(flat.layer.className) && flat.call.inputs.length === 1 && pixels(flat) === 1)
      flat = onlyInput(flat);
    if (pixels(flat) > 1) return flat;
  }
  // Dropout belongs to the head that goes.
  while (/^(Dropout|Flatten|Reshape)$/.test(t.layer.className) && pixels(onlyInput(t)) === 1) t = onlyInput(t);
  return t;
}

/**
 * A network without its head, for a new one: the layers are its own (shared, not copied).
 *
 * @param lastLayer ends it at this layer instead.
 * @throws for a network with several inputs or outputs, and where no head is found.
 */
export function withoutHead(model: Container, lastLayer?: string): FunctionalModel {
  if (model.inputs.length !== 1 || model.outputs.length !== 1)
    throw new ThawError(
      model.name,
      `has ${model.inputs.length} inputs and ${model.outputs.length} outputs`,
      "one of each",
    );
  if (lastLayer !== undefined) return model.upTo(lastLayer);
  const [output] = model.outputs;
  // A network inside, such as one that was given its preprocessing: its head is the head.
  if (output.layer instanceof Container && output.call.inputs.length === 1) {
    const inner = withoutHead(output.layer);
    const outputs = inner.apply(output.call.inputs[0], output.call.options);
    return named(model, outputs);
  }
  const found = features(output);
  if (found.layer.className === "InputLayer")
    throw new ThawError(
      model.name,
      `is nothing but a head on its input of shape ${formatShape(found.shape)}`,
      "layers below its last dense layer",
      "Name the last layer to keep: { lastLayer }.",
    );
  return named(model, found);
}

function named(model: Container, outputs: SymbolicTensor): FunctionalModel {
  const base = new FunctionalModel({ inputs: model.inputs, outputs, name: model.name });
  if (model.preprocessing) base.preprocessing = model.preprocessing;
  return base;
}
