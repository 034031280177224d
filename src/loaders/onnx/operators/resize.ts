/** Resizing of images: ONNX's Resize in its versions, and Upsample before it. */
import { formatShape, ThawError } from "../../../errors";
import { axisOf, describe, flagOf, numberOf, numbersOf, textOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { lastAxes } from "../layout/regroup";
import { dimsOf } from "../layout/tensor";
import { knownInput, tensorInput, type Emit, type Inputs, type Operators } from "./operator";

/** What becomes of each logical axis. */
interface Target {
  readonly sizes: readonly number[];
  readonly scales: readonly number[];
  /** First and last place as parts of the axis, where a region is cut out. */
  readonly regions: readonly (readonly [number, number])[];
}

const filled = (node: OnnxNode, inputs: Inputs, i: number): number[] | undefined => {
  const x = knownInput(node, inputs, i);
  return x && product(x.dims) > 0 ? Array.from(x.data) : undefined;
};

/** Sizes or scales, of all axes or of some; sizes may keep the proportions (Resize, version 18). */
function targetOf(node: OnnxNode, inputs: Inputs, dims: readonly number[]): Target {
  const old = node.op === "Upsample" || node.opset < 11;
  const roi = old ? undefined : filled(node, inputs, 1);
  const scales = filled(node, inputs, old ? 1 : 2) ?? numbersOf(node, "scales");
  const sizes = old ? undefined : filled(node, inputs, 3);
  const axes = numbersOf(node, "axes")?.map((a) => axisOf(node, a, dims.length)) ?? dims.map((_, i) => i);
  const given = sizes ?? scales;
  if (!given || given.length !== axes.length)
    throw new ThawError(
      describe(node),
      `sizes or scales are ${formatShape(given)}`,
      `one for each of ${axes.length} dimensions`,
    );
  const result = {
    sizes: [...dims],
    scales: dims.map(() => 1),
    regions: dims.map((): readonly [number, number] => [0, 1]),
  };
  const policy = textOf(node, "keep_aspect_ratio_policy", "stretch");
  const ratios = sizes?.map((s, k) => s / dims[axes[k]]) ?? [];
  const common = policy === "stretch" ? undefined : policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  axes.forEach((axis, k) => {
    const n = dims[axis];
    const size = sizes ? (common === undefined ? sizes[k] : Math.round(common * n)) : Math.floor(n * given[k] + 1e-9);
    result.sizes[axis] = size;
    result.scales[axis] = sizes ? (common ?? size / n) : given[k];
    if (roi) result.regions[axis] = [roi[k], roi[k + axes.length]];
  });
  return result;
}

const resize: Emit = (e, node, inputs) => {
  const who = describe(node);
  const x = tensorInput(e, node, inputs, 0);
  const dims = dimsOf(x);
  const { sizes, scales, regions } = targetOf(node, inputs, dims);
  const old = node.op === "Upsample" || node.opset < 11;
  const coordinates = old ? "asymmetric" : textOf(node, "coordinate_transformation_mode", "half_pixel");
  const crops = coordinates === "tf_crop_and_resize";
  const changed = dims.flatMap((d, i) =>
    sizes[i] !== d || scales[i] !== 1 || (crops && (regions[i][0] !== 0 || regions[i][1] !== 1)) ? [i] : [],
  );
  if (changed.length === 0) return [x];
  if (changed.length > 2)
    throw new ThawError(who, `resizes ${changed.length} dimensions of ${formatShape(dims)}`, "height and width");
  // Another axis, resized to what it is, where only one changes.
  const other = dims.map((_, i) => i).findLast((i) => !changed.includes(i) && !x.axes[i].includes(0));
  const [rows, columns] =
    changed.length === 2
      ? changed
      : other === undefined
        ? [changed[0], changed[0]]
        : [changed[0], other].toSorted((a, b) => a - b);
  const channels = dims.map((_, i) => i).find((i) => i !== rows && i !== columns && !x.axes[i].includes(0));
  const single = rows === columns;
  const t = lastAxes(e, who, x, [
    ...(single ? [rows] : [rows, columns]),
    ...(channels === undefined ? [] : [channels]),
  ]);
  const inner = (single ? 1 : 2) + (channels === undefined ? 0 : 1);
  const lead = t.shape.slice(0, t.shape.length - inner);
  const image = [product(lead), dims[rows], single ? 1 : dims[columns], channels === undefined ? 1 : dims[channels]];
  const pairOf = (list: readonly number[]) => [list[rows], single ? 1 : list[columns]] as const;
  const attrs = {
    size: pairOf(sizes),
    scales: pairOf(scales),
    mode: textOf(node, "mode", "nearest"),
    coordinates,
    nearestMode: old ? "floor" : textOf(node, "nearest_mode", "round_prefer_floor"),
    cubicCoeff: numberOf(node, "cubic_coeff_a", -0.75),
    excludeOutside: flagOf(node, "exclude_outside"),
    antialias: flagOf(node, "antialias"),
    ...(crops && {
      roi: [regions[rows][0], single ? 0 : regions[columns][0], regions[rows][1], single ? 1 : regions[columns][1]],
      extrapolation: numberOf(node, "extrapolation_value", 0),
    }),
  };
  const y = e.apply("resize", attrs, { x: e.view(t.value, image) });
  const shape = [
    ...lead,
    sizes[rows],
    ...(single ? [] : [sizes[columns]]),
    ...(channels === undefined ? [] : [dims[channels]]),
  ];
  return [{ ...t, value: y, shape }];
};

export const resizing: Operators = { Resize: resize, Upsample: resize };
