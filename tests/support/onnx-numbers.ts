/** Numbers of images in the two orders that ONNX files have them in. */
import { permuted } from "../../src/loaders/onnx/host-tensor";

/** Shape and numbers of a Thaw value as a file of this layout has them. */
export function asLaidOut(
  layout: "NCHW" | "NHWC",
  shape: readonly number[],
  data: Float32Array,
): { shape: readonly number[]; data: Float32Array } {
  if (layout === "NHWC" || shape.length !== 4) return { shape, data };
  const order = [0, 3, 1, 2];
  return { shape: order.map((d) => shape[d]), data: permuted(data, shape, order) as Float32Array };
}
