/** Pooling with what Keras's layers leave out: padding that is none of Keras's, sizes rounded up. */
import type { PartBuilder, Tensor } from "./builder";

type Pair = readonly [number, number];

export interface Pooling {
  readonly size: Pair;
  readonly strides: Pair;
  /** Top, bottom, left, right. */
  readonly pads: readonly number[];
  readonly dilation?: Pair;
  readonly countIncludePad?: boolean;
}

/** What has to be put before and behind each of both dimensions, so that windows without padding give an output of this size. */
function sides({ size, strides, pads }: Pooling, image: Pair, output: Pair): [before: number, after: number][] {
  return ([0, 1] as const).map((a) => {
    const before = pads[2 * a];
    return [before, Math.max(0, (output[a] - 1) * strides[a] + size[a] - image[a] - before)];
  });
}

/**
 * The largest of each window. The rows and columns at the edge are repeated in place of padding: a window that reaches beyond an edge has that
 * edge in it, so that its largest element stays the same.
 */
export function maxPooling(
  b: PartBuilder,
  x: Tensor,
  pooling: Pooling,
  output: Pair,
  sample: Tensor["sample"],
): Tensor | string {
  if (pooling.dilation?.some((d) => d !== 1)) return "pooling with gaps between elements";
  let wide = x;
  for (const [axis, [before, after]] of sides(pooling, [x.sample[0], x.sample[1]], output).entries()) {
    if (before === 0 && after === 0) continue;
    const last = wide.sample[axis] - 1;
    const source = wide;
    // TF.js frees a tensor too early that stands in a list twice: each has its own.
    const edges = (count: number, at: number) => Array.from({ length: count }, () => b.crop(source, axis, at, 1));
    const list = [...edges(before, 0), source, ...edges(after, last)];
    const shape = source.sample.map((d, a) => (a === axis ? d + before + after : d));
    wide = b.add("Concatenate", { axis: axis + 1 }, list, shape, { asList: true });
  }
  return pool(b, "MaxPooling2D", wide, pooling, "valid", sample);
}

export function averagePooling(
  b: PartBuilder,
  x: Tensor,
  pooling: Pooling,
  output: Pair,
  sample: Tensor["sample"],
): Tensor | string {
  const { pads, size, strides, dilation, countIncludePad = false } = pooling;
  if (dilation?.some((d) => d !== 1)) return "pooling with gaps between elements";
  const needed = sides(pooling, [x.sample[0], x.sample[1]], output);
  const given = [pads.slice(0, 2), pads.slice(2)];
  const isPadded = pads.some((p) => p !== 0);
  if (!isPadded && needed.every(([, after]) => after === 0))
    return pool(b, "AveragePooling2D", x, pooling, "valid", sample);
  if (countIncludePad && needed.every(([, after], a) => after <= given[a][1])) {
    const shape = x.sample.map((d, a) => (a < 2 ? d + needed[a][0] + needed[a][1] : d));
    const padded = b.add("ZeroPadding2D", { padding: needed, data_format: "channels_last" }, [x], shape);
    return pool(b, "AveragePooling2D", padded, pooling, "valid", sample);
  }
  const same = ([0, 1] as const).every((a) => {
    const total = Math.max((Math.ceil(x.sample[a] / strides[a]) - 1) * strides[a] + size[a] - x.sample[a], 0);
    return given[a][0] === Math.floor(total / 2) && needed[a][1] === total - given[a][0];
  });
  if (same && !countIncludePad) return pool(b, "AveragePooling2D", x, pooling, "same", sample);
  return `mean pooling with the padding ${pads.join(", ")}`;
}

function pool(
  b: PartBuilder,
  className: string,
  x: Tensor,
  { size, strides }: Pooling,
  padding: "valid" | "same",
  sample: Tensor["sample"],
): Tensor {
  return b.add(className, { pool_size: size, padding, strides, data_format: "channels_last" }, [x], sample);
}
