/** Resizing of images. */
import { ThawError } from "../../../../errors";
import type { ResizeAttrs } from "../../../../kernels/math/resize";
import type { UpsampleAttrs } from "../../../../kernels/upsample/upsample";
import type { Shape } from "../../../../kernels/operation";
import type { GraphWriter } from "../graph-writer";
import { float, type SavedAttributes } from "../saved-graph";
import type { OperationWriters, WriteOperation } from "./writer";

const image = [0, 3, 1, 2] as const;

/** By whole factors, as Keras's UpSampling2D. */
const upsample: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const { size, interpolation } = attrs as UpsampleAttrs;
  const scales = w.floats("scales", [4], [1, 1, ...size]);
  const attributes: SavedAttributes =
    interpolation === "nearest"
      ? { coordinate_transformation_mode: "asymmetric", mode: "nearest", nearest_mode: "floor" }
      : { coordinate_transformation_mode: "half_pixel", mode: "linear" };
  w.set(y, w.node("Resize", [w.as(x, image), "", scales], attributes), image);
};

/**
 * Scales and sizes, one of them empty. Factors say it where they are exact as f32; else sizes do, the batch among them, for ONNX Runtime loses the
 * attribute `axes` when it moves transposes.
 */
function target(w: GraphWriter, { size, scales }: ResizeAttrs, x: Shape): string[] {
  const own = size.map((n, i) => n / x[i + 1]);
  const factors = scales ?? own;
  const follows = factors.every((s, i) => Math.abs(s - own[i]) < 1e-9 * s);
  const exact = factors.every((s) => Math.fround(s) === s);
  const rounded = factors.every((s, i) => Math.floor(Math.fround(s) * x[i + 1]) === size[i]);
  if (follows && !exact)
    return ["", w.node("Concat", [w.batchSizeTensor(), w.integers("sizes", [x[3], ...size])], { axis: 0 })];
  if (rounded) return [w.floats("scales", [4], [1, 1, ...factors])];
  throw new ThawError(
    w.layer,
    `resizes [${x[1]}, ${x[2]}] to [${size.join(", ")}] by the factors [${factors.join(", ")}]`,
    "sizes that follow from the factors, or factors from the sizes, one of which ONNX's Resize takes",
  );
}

const resize: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const a = attrs as ResizeAttrs;
  const to = target(w, a, x.shape);
  const crops = a.coordinates === "tf_crop_and_resize" && a.roi !== undefined;
  const [top, left, bottom, right] = a.roi ?? [0, 0, 1, 1];
  const roi = crops ? w.floats("roi", [8], [0, 0, top, left, 1, 1, bottom, right]) : "";
  const attributes: SavedAttributes = {
    coordinate_transformation_mode: a.coordinates,
    mode: a.mode,
    ...(a.mode === "nearest" && { nearest_mode: a.nearestMode ?? "round_prefer_floor" }),
    ...(a.mode === "cubic" && { cubic_coeff_a: float(a.cubicCoeff ?? -0.75) }),
    ...(a.excludeOutside && { exclude_outside: 1 }),
    ...(a.antialias && { antialias: 1 }),
    ...(crops && { extrapolation_value: float(a.extrapolation ?? 0) }),
  };
  w.set(y, w.node("Resize", [w.as(x, image), roi, ...to], attributes), image);
};

export const resizing: OperationWriters = { upsample, resize };
