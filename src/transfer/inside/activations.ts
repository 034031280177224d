/** What layers give for samples, and what the first filters look for. */
import { formatShape, ThawError } from "../../errors";
import type { Shape } from "../../kernels/operation";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { planeImage, sprite, type ColorMap, type RgbaImage } from "./images";
import { findTap, layerTaps, readTaps, type ReadOptions } from "./taps";

export interface LayerActivations {
  /** Path as in `model.summary()`. */
  readonly layer: string;
  readonly data: Float32Array;
  /** `[samples, ...]` */
  readonly shape: Shape;
}

/**
 * Outputs of layers, in inference mode, from one pass. Layers may lie in nested models or on branches; of a shared layer it
 * is the last call.
 *
 * Uploads a second copy of the weights for as long as it runs; the model may be compiled or not.
 *
 * @param layers names, or paths such as `mobilenetv2/block_1_expand`.
 * @throws for a name that is not there or not unique, and for samples that do not fit.
 */
export async function activations(
  model: Container,
  layers: readonly string[],
  x: Dataset["x"],
  options: ReadOptions,
): Promise<LayerActivations[]> {
  if (layers.length === 0) throw new ThawError("activations", "no layer is named", "at least one");
  const all = layerTaps(model);
  const taps = layers.map((name) => findTap(model, name, all));
  const results = await readTaps(
    model,
    taps.map((tap) => ({ tap })),
    x,
    options,
  );
  return results.map(({ data, shape }, i) => ({
    layer: taps[i].path,
    data,
    shape: [data.length / shape.reduce((a, b) => a * b, 1), ...shape],
  }));
}

export interface ChannelImagesOptions {
  /** Default "viridis". */
  readonly colorMap?: ColorMap;
  /** Default: all. */
  readonly channels?: readonly number[];
}

/**
 * The channels of one sample as images, each from its own least to its own largest value.
 *
 * @param sample number of the sample; default 0.
 * @throws for a layer whose output has no height and width.
 */
export function activationImages(
  { layer, data, shape }: LayerActivations,
  sample = 0,
  { colorMap = "viridis", channels }: ChannelImagesOptions = {},
): RgbaImage[] {
  if (shape.length !== 4)
    throw new ThawError(
      "activationImages",
      `${layer} has shape ${formatShape(shape)}`,
      "[samples, height, width, channels]",
    );
  const [count, height, width, depth] = shape;
  if (!Number.isInteger(sample) || sample < 0 || sample >= count)
    throw new ThawError("activationImages", `sample ${sample} of ${count}`, `0 to ${count - 1}`);
  const start = sample * height * width * depth;
  return (channels ?? Array.from({ length: depth }, (_, c) => c)).map((c) => {
    if (!Number.isInteger(c) || c < 0 || c >= depth)
      throw new ThawError("activationImages", `channel ${c} of ${depth}`, `0 to ${depth - 1}`);
    const plane = Float32Array.from({ length: height * width }, (_, i) => data[start + i * depth + c]);
    return planeImage(plane, width, height, colorMap);
  });
}

/** All channels of one sample in one image. */
export const activationSprite = (
  of: LayerActivations,
  sample = 0,
  options: ChannelImagesOptions & { readonly columns?: number; readonly gap?: number } = {},
): RgbaImage => sprite(activationImages(of, sample, options), options);

/**
 * The filters of a convolution as images: in colour where it reads three channels (zero is middle grey, the largest
 * magnitude of the filter is 0 or 255), else the mean over its input channels in grey.
 *
 * @param layer default: the first layer whose kernel has four axes.
 */
export async function filterImages(model: Container, layer?: string): Promise<RgbaImage[]> {
  await model.readWeights();
  const withKernel = (ps: readonly { name: string; shape: Shape }[]) => ps.some((p) => p.shape.length === 4);
  const found = layer === undefined ? model.flatLayers().find((l) => withKernel(l.parameters)) : model.getLayer(layer);
  const kernel = found?.parameters.find((p) => p.shape.length === 4);
  if (!found || !kernel)
    throw new ThawError("filterImages", `${found?.name ?? model.name} has no filters`, "a convolution's layer");
  const [height, width, depth, count] = kernel.shape;
  return Array.from({ length: count }, (_, f) => {
    const at = (i: number, c: number) => kernel.value[(i * depth + c) * count + f];
    const pixels = Array.from({ length: height * width }, (__, i) => {
      if (depth === 3) return [at(i, 0), at(i, 1), at(i, 2)];
      let sum = 0;
      for (let c = 0; c < depth; c++) sum += at(i, c);
      return [sum / depth, sum / depth, sum / depth];
    });
    const largest = Math.max(...pixels.flat().map(Math.abs)) || 1;
    const data = new Uint8ClampedArray(height * width * 4);
    pixels.forEach((p, i) => data.set([...p.map((v) => 127.5 + (127.5 * v) / largest), 255], i * 4));
    return { width, height, data };
  });
}
