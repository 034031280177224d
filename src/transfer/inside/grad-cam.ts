/** Grad-CAM: where in the image the evidence for a class lies (Selvaraju et al. 2017, equations 1 and 2). */
import { formatShape, ThawError } from "../../errors";
import { registerTransferOperations } from "../../kernels/registry-transfer";
import { elements, type Shape } from "../../kernels/operation";
import type { Container } from "../../nn/model";
import { sgd } from "../../nn/optimizers";
import { Parameter } from "../../nn/parameter";
import type { Dataset } from "../../nn/trainer";
import { callTapped, Expression, frozenCopies, logits } from "./expression";
import { colorOf, resizePlane, type ColorMap, type RgbaImage } from "./images";
import { findTap, layerTaps, readTaps, type ReadOptions, type Tap } from "./taps";

export interface GradCamOptions extends ReadOptions {
  /** Which class's evidence; "predicted" (default): each sample's likeliest. Of a single output, 1 is for it and 0 against it. */
  readonly classId?: number | "predicted";
  /** Default: the last layer whose output has height and width. */
  readonly layer?: string;
  /** Brings the maps to the size of the input, bilinearly. Default true. */
  readonly resize?: boolean;
}

export interface GradCam {
  /** Path of the layer that was looked at. */
  readonly layer: string;
  /** The class that was asked for, for each sample. */
  readonly classIds: readonly number[];
  /** Scores of all classes for each sample, before softmax or sigmoid. */
  readonly scores: Float32Array;
  /** Height and width of a map. */
  readonly size: readonly [number, number];
  /** One map a sample: relu(sum over c of weight[c] * activation[c]), at least 0, not scaled. */
  readonly maps: readonly Float32Array[];
}

/**
 * Maps of the evidence for a class. The score is the logit: a softmax or sigmoid at the model's end is left out, as its gradient
 * vanishes where the network is sure. The weight of a channel is the mean of the score's gradient over its positions.
 *
 * Works for any layer with height and width, in nested models and on branches too, without touching `trainable` flags. Uploads a
 * second copy of the weights for as long as it runs.
 *
 * @throws for a layer without height and width, a class that is not there, and samples that do not fit.
 */
export async function gradCam(model: Container, x: Dataset["x"], options: GradCamOptions): Promise<GradCam> {
  const { gpu, batchSize = 32, classId = "predicted", resize = true } = options;
  registerTransferOperations();
  const taps = layerTaps(model);
  const tap =
    options.layer === undefined
      ? taps.findLast((t) => t.shape.length === 3 && t.shape[0] * t.shape[1] > 1)
      : findTap(model, options.layer, taps);
  if (tap?.shape.length !== 3)
    throw new ThawError(
      "gradCam",
      tap ? `${tap.path} gives ${formatShape(tap.shape)}` : `${model.name} has no layer with height and width`,
      "a layer that gives [height, width, channels]",
    );
  const wanted = [{ tap }, { tap: "output" as const, emit: logits }];
  const [activation, scores] = await readTaps(model, wanted, x, { gpu, batchSize });
  if (scores.shape.length !== 1)
    throw new ThawError("gradCam", `${model.name} gives ${formatShape(scores.shape)}`, "one score a class");
  const classes = scores.shape[0];
  const classIds = chosenClasses(classId, scores.data, classes);
  const gradients = await scoreGradients(model, tap, x, classIds, classes, { gpu, batchSize });
  const [height, width, channels] = tap.shape;
  const toSize: readonly [number, number] = resize ? [model.inputShape[0], model.inputShape[1]] : [height, width];
  const maps = classIds.map((_, n) => {
    const own = (v: Float32Array) => v.subarray(n * elements(tap.shape), (n + 1) * elements(tap.shape));
    const map = evidence(own(activation.data), own(gradients), channels);
    return resize ? resizePlane(map, [height, width], toSize) : map;
  });
  return { layer: tap.path, classIds, scores: scores.data, size: toSize, maps };
}

function chosenClasses(classId: number | "predicted", scores: Float32Array, classes: number): number[] {
  const count = scores.length / classes;
  const last = Math.max(classes - 1, 1);
  if (classId !== "predicted") {
    if (!Number.isInteger(classId) || classId < 0 || classId > last)
      throw new ThawError("gradCam", `class ${classId}`, `"predicted", or 0 to ${last}`);
    return Array.from({ length: count }, () => classId);
  }
  return Array.from({ length: count }, (_, n) => {
    const row = scores.subarray(n * classes, (n + 1) * classes);
    return classes === 1 ? Number(row[0] > 0) : row.indexOf(Math.max(...row));
  });
}

/** d score of its class / d activation of each sample. */
async function scoreGradients(
  model: Container,
  tap: Tap,
  x: Dataset["x"],
  classIds: readonly number[],
  classes: number,
  { gpu, batchSize }: Required<ReadOptions>,
): Promise<Float32Array> {
  const sample = elements(model.inputShape);
  const all = new Float32Array(classIds.length * elements(tap.shape));
  const parameters = frozenCopies(model);
  let probe: { rows: number; zero: Parameter; model: Expression } | undefined;
  try {
    for (let start = 0; start < classIds.length; start += batchSize) {
      const ids = classIds.slice(start, start + batchSize);
      const rows = ids.length;
      if (probe?.rows !== rows) {
        probe?.model.dispose();
        probe = { rows, ...probeOf(model, tap, rows, classes, parameters) };
        await probe.model.compile({
          gpu,
          optimizer: sgd(0),
          loss: { name: "classScore", op: "classScore", attrs: {}, labelShape: (output) => output },
        });
      }
      const weights = new Float32Array(rows * classes);
      ids.forEach((id, n) => (weights[n * classes + (classes === 1 ? 0 : id)] = classes === 1 && id === 0 ? -1 : 1));
      const batch = x.slice(start * sample, (start + rows) * sample);
      await probe.model.trainOnBatch(batch instanceof Float32Array ? batch : Uint8Array.from(batch), weights);
      const gradient = (await probe.model.readGradients()).get(probe.zero)!;
      // The objective is the mean over the batch.
      all.set(
        gradient.map((v) => v * rows),
        start * elements(tap.shape),
      );
    }
  } finally {
    probe?.model.dispose();
  }
  return all;
}

/** The model with a trainable zero added to a layer's output: its gradient is that of the output. */
function probeOf(
  model: Container,
  tap: Tap,
  rows: number,
  classes: number,
  parameters: ReadonlyMap<Parameter, Parameter>,
): { zero: Parameter; model: Expression } {
  const shape: Shape = [rows, ...tap.shape];
  const zero = new Parameter(
    "zero",
    shape,
    "weight",
    () => new Float32Array(elements(shape)),
    () => true,
  );
  zero.path = `${tap.path}/zero`;
  const expression = new Expression({
    name: `${model.name} grad-cam`,
    inputShape: model.inputShape,
    outputShape: [classes],
    parameters: [...parameters.values(), zero],
    emit: (g, x) => {
      const output = callTapped(g, model, x, parameters, ({ path, occurrence, values }) =>
        path === tap.path && occurrence === tap.occurrence
          ? [g.apply("add", {}, { a: values[0], b: g.parameter(zero) }), ...values.slice(1)]
          : values,
      );
      return logits(g, output);
    },
  });
  return { zero, model: expression };
}

function evidence(activation: Float32Array, gradient: Float32Array, channels: number): Float32Array {
  const positions = activation.length / channels;
  const weights = new Float64Array(channels);
  gradient.forEach((v, i) => (weights[i % channels] += v / positions));
  return Float32Array.from({ length: positions }, (_, p) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += weights[c] * activation[p * channels + c];
    return Math.max(sum, 0);
  });
}

export interface OverlayOptions {
  /** Default "heat". */
  readonly colorMap?: ColorMap;
  /** Opacity of the strongest evidence, 0 to 1; default 0.6. Nothing is put where there is none. */
  readonly opacity?: number;
}

/**
 * An image with its map laid over it; the map's largest value is the end of the colour map. A map of zeros leaves the image.
 *
 * @param image bytes of the sample, `[height, width, 3]` (or 1 channel), of the map's size: `gradCam` with `resize`.
 */
export function overlay(
  { maps, size: [height, width] }: GradCam,
  n: number,
  image: ArrayLike<number>,
  { colorMap = "heat", opacity = 0.6 }: OverlayOptions = {},
): RgbaImage {
  const map = maps[n];
  if (!map) throw new ThawError("overlay", `sample ${n} of ${maps.length}`, `0 to ${maps.length - 1}`);
  const channels = image.length / (height * width);
  if (channels !== 1 && channels !== 3)
    throw new ThawError(
      "overlay",
      `an image of ${image.length} values for a map of ${height}x${width}`,
      "1 or 3 channels of that size",
    );
  const top = map.reduce((a, b) => Math.max(a, b), 0);
  const data = new Uint8ClampedArray(height * width * 4);
  map.forEach((v, i) => {
    const strength = top > 0 ? v / top : 0;
    const color = colorOf(strength, colorMap);
    const share = opacity * strength;
    for (let c = 0; c < 3; c++)
      data[i * 4 + c] = (1 - share) * image[i * channels + Math.min(c, channels - 1)] + share * color[c];
    data[i * 4 + 3] = 255;
  });
  return { width, height, data };
}
