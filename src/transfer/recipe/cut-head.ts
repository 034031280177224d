/** Where a pretrained network ends and its head begins. */
import { formatShape, ThawError } from "../../errors";
import { freezePoints, lastOfBlocks } from "../../nn/freeze-points";
import { Activation } from "../../nn/layers/activation";
import { Conv2D } from "../../nn/layers/conv2d";
import { Container, FunctionalModel } from "../../nn/model";
import type { SymbolicTensor } from "../../nn/symbolic";

/** Layers without weights that stand between and behind the dense layers of a head. */
const passive = /^(Activation|Softmax|ReLU|Dropout|Reshape|Flatten|Permute|Transpose|InputLayer)$/;

const onlyInput = ({ call }: SymbolicTensor): SymbolicTensor => call.inputs[0];

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

interface Ending {
  /** What the softmax and changes of shape at the end stand on. */
  readonly tensor: SymbolicTensor;
  readonly probabilities: boolean;
}

const isProbability = ({ layer }: SymbolicTensor): boolean => {
  const name = layer instanceof Activation ? layer.config().activation : undefined;
  return layer.className === "Softmax" || name === "softmax" || name === "sigmoid";
};

function endOf(output: SymbolicTensor): Ending {
  let tensor = output;
  let probabilities = false;
  while (/^(Softmax|Activation|Flatten|Reshape|Permute|Transpose|Dropout)$/.test(tensor.layer.className)) {
    const isActivation = tensor.layer.className === "Activation";
    if (isActivation && !isProbability(tensor)) break;
    probabilities ||= isProbability(tensor);
    tensor = onlyInput(tensor);
  }
  return { tensor, probabilities };
}

/**
 * Below a classifier that is a convolution of 1 x 1, with one channel a class, pooled over the picture. Networks cut off above their last features look the
 * same (a convolution of 1 x 1, pooled), so there has to be a sign of classes: probabilities behind it, dropout before it, ImageNet's number of classes, or a name.
 */
function belowConvolution({ tensor, probabilities }: Ending): SymbolicTensor | undefined {
  if (!/^(Global)?(Average|Max)Pooling2D$/.test(tensor.layer.className) || pixels(tensor) > 1) return undefined;
  let t = onlyInput(tensor);
  while (/^(ReLU|Activation|Dropout)$/.test(t.layer.className)) t = onlyInput(t);
  const { layer } = t;
  if (!(layer instanceof Conv2D) || layer.kernelSize.some((k) => k !== 1)) return undefined;
  let below = onlyInput(t);
  const isDropped = below.layer.className === "Dropout";
  while (below.layer.className === "Dropout") below = onlyInput(below);
  const isNamed = /classif|logit|predict|conv_?10$/i.test(layer.name);
  const isImageNet = layer.filters === 1000 || layer.filters === 1001;
  return probabilities || isDropped || isImageNet || isNamed ? below : undefined;
}

/** What to do where no head is found: the places that a new one could stand on, from the top. */
function remedy(model: Container): string {
  const points = lastOfBlocks(freezePoints(model)).filter(({ shape }) => shape.length === 1 || shape.length === 3);
  const names = points
    .slice(-5)
    .toReversed()
    .map(({ layer, shape }) => `"${layer}" ${formatShape(shape)}`);
  const listed = names.length > 0 ? `, of the top ones ${names.join(", ")}` : "";
  return `Name the last layer to keep, { lastLayer }${listed}.`;
}

/**
 * The tensor that a new head stands on: below the last dense layer (or the convolution over a single pixel that some networks
 * have instead); where further dense layers stand on a flattened picture (VGG, AlexNet), below all of them, because they are bound
 * to one image size and hold most of the weights; below the convolution over a whole picture that is pooled into classes (SqueezeNet). A network that ends in features already, in a picture or pooled, is kept whole.
 * Undefined where there is a head, but none of these.
 */
function features(output: SymbolicTensor): SymbolicTensor | undefined {
  const ending = endOf(output);
  const classifier = belowConvolution(ending);
  if (classifier) return classifier;
  // Whatever gives probabilities has a head.
  if (pixels(output) > 1 && !ending.probabilities) return output;
  let t = belowDense(output);
  if (!t) return ending.probabilities ? undefined : output;
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
  if (!found)
    throw new ThawError(
      model.name,
      `gives probabilities, but no head was found below ${output.layer.name}`,
      "dense layers, or a convolution of 1 x 1 that is pooled, at its end",
      remedy(model),
    );
  if (found.layer.className === "InputLayer")
    throw new ThawError(
      model.name,
      `is nothing but a head on its input of shape ${formatShape(found.shape)}`,
      "layers below its last dense layer",
      remedy(model),
    );
  return named(model, found);
}

function named(model: Container, outputs: SymbolicTensor): FunctionalModel {
  const base = new FunctionalModel({ inputs: model.inputs, outputs, name: model.name });
  if (model.preprocessing) base.preprocessing = model.preprocessing;
  return base;
}
