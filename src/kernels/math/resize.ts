/**
 * Resizing of images by the rules of ONNX's operator Resize (version 19): where elements of the result lie in the image, and what
 * is made of those around. Rows and columns are resized one after the other, because the weights are products.
 */
import { formatShape, ThawError } from "../../errors";
import type { Pair } from "../convolution";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Lowering, type Shape } from "../operation";
import { wgsl } from "../late-program";
import { resizeCases } from "./resize-cases";

const modes = ["nearest", "linear", "cubic"] as const;
const roundings = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

export interface ResizeAttrs {
  /** Rows and columns of the result. */
  readonly size: Pair;
  readonly mode: (typeof modes)[number];
  /** How places in the result become places in the image. */
  readonly coordinates:
    | "half_pixel"
    | "half_pixel_symmetric"
    | "pytorch_half_pixel"
    | "align_corners"
    | "asymmetric"
    | "tf_crop_and_resize";
  /** Which element is the nearest; default round_prefer_floor. */
  readonly nearestMode?: (typeof roundings)[number];
  /** Of the cubic kernel; default -0.75. */
  readonly cubicCoeff?: number;
  /** Elements beside the image have no weight, instead of being the nearest one inside. */
  readonly excludeOutside?: boolean;
  /** linear and cubic: widens the kernel where the image shrinks. */
  readonly antialias?: boolean;
  /** Of rows and columns, where they are not size / length. */
  readonly scales?: Pair;
  /** tf_crop_and_resize: first row, first column, last row, last column, as parts of the image. */
  readonly roi?: readonly [number, number, number, number];
  /** tf_crop_and_resize: value of elements beside the image; default 0. */
  readonly extrapolation?: number;
}

export interface ResizeGradientAttrs extends ResizeAttrs {
  readonly inputShape: Shape;
}

/** One axis: element p of the result lies at slope p + shift. */
interface Along {
  readonly attrs: ResizeAttrs;
  readonly collect: boolean;
  readonly outer: number;
  readonly image: number;
  readonly resized: number;
  readonly inner: number;
  readonly slope: number;
  readonly shift: number;
  readonly stretch: number;
}

const counts = ({ outer, image, resized, inner, collect }: Along) => {
  const [small, large] = [outer * image * inner, outer * resized * inner];
  return collect ? { x: large, y: small } : { x: small, y: large };
};

export const resizeAxisKernel: Kernel<Along> = {
  program: wgsl("math", "resize_axis"),
  overrides: ({ attrs, collect }) => ({
    MODE: modes.indexOf(attrs.mode),
    ROUNDING: roundings.indexOf(attrs.nearestMode ?? "round_prefer_floor"),
    EXCLUDE: attrs.excludeOutside ?? false,
    CROP: attrs.coordinates === "tf_crop_and_resize",
    COLLECT: collect,
  }),
  params: (p) => ({
    count: counts(p).y,
    image: p.image,
    resized: p.resized,
    inner: p.inner,
    slope: p.slope,
    shift: p.shift,
    stretch: p.stretch,
    cubic: p.attrs.cubicCoeff ?? -0.75,
    outside: p.attrs.extrapolation ?? 0,
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(counts(p).y, 64)),
  sizes: counts,
  cost: (p) => {
    const { x, y } = counts(p);
    const taps = { nearest: 0, linear: 2, cubic: 4 }[p.attrs.mode] / p.stretch;
    return { flops: 2 * taps * (p.collect ? x : y), bytes: 4 * (x + y) };
  },
};

/** Slope and shift of an axis (0 rows, 1 columns) of `n` elements, and the factor that widens kernels. */
function placesOf(attrs: ResizeAttrs, axis: 0 | 1, n: number): Pick<Along, "slope" | "shift" | "stretch"> {
  const size = attrs.size[axis];
  const scale = attrs.scales?.[axis] ?? size / n;
  const length = scale * n; // what `size` was rounded down from
  const stretch = attrs.antialias ? Math.min(scale, 1) : 1;
  const halfPixel = { slope: 1 / scale, shift: 0.5 / scale - 0.5, stretch };
  switch (attrs.coordinates) {
    case "asymmetric":
      return { ...halfPixel, shift: 0 };
    case "half_pixel_symmetric":
      return { ...halfPixel, shift: halfPixel.shift + (n / 2) * (1 - size / length) };
    case "pytorch_half_pixel":
      return size > 1 ? halfPixel : { slope: 0, shift: 0, stretch };
    case "align_corners":
      return { slope: size > 1 ? (n - 1) / (length - 1) : 0, shift: 0, stretch };
    case "tf_crop_and_resize": {
      const [begin, end] = [attrs.roi![axis], attrs.roi![axis + 2]];
      return size > 1
        ? { slope: ((end - begin) * (n - 1)) / (length - 1), shift: begin * (n - 1), stretch }
        : { slope: 0, shift: 0.5 * (begin + end) * (n - 1), stretch };
    }
    default:
      return halfPixel;
  }
}

/** The axis that gets shortest comes first; one along which nothing changes is left out. */
function lowerResize(attrs: ResizeAttrs, image: Shape, collect: boolean, input: string, output: string): Lowering {
  const both = ([0, 1] as const).map((axis) => ({ axis, ...placesOf(attrs, axis, image[axis + 1]) }));
  const changing = both.filter(
    ({ axis, slope, shift }) => slope !== 1 || shift !== 0 || attrs.size[axis] !== image[axis + 1],
  );
  const shrinks = (axis: 0 | 1) => (attrs.size[axis] / image[axis + 1]) ** (collect ? -1 : 1);
  const axes = (changing.length > 0 ? changing : [both[1]]).toSorted((p, q) => shrinks(p.axis) - shrinks(q.axis));
  const shape = collect ? [image[0], ...attrs.size, image[3]] : [...image];
  const dispatches = axes.map(({ axis, ...places }, i) => {
    const [from, to] = [image[axis + 1], attrs.size[axis]];
    const problem = {
      ...places,
      attrs,
      collect,
      outer: elements(shape.slice(0, axis + 1)),
      image: from,
      resized: to,
      inner: elements(shape.slice(axis + 2)),
    };
    shape[axis + 1] = collect ? from : to;
    const bind = { x: i === 0 ? input : "between", y: i === axes.length - 1 ? output : "between" };
    return dispatch(resizeAxisKernel, problem, bind);
  });
  return { dispatches, ...(axes.length > 1 && { scratch: { between: counts(dispatches[0].problem as Along).y } }) };
}

export const resize = operation<ResizeAttrs>({
  name: "resize",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    const { size, mode, coordinates, nearestMode = "floor", roi, scales } = attrs;
    if (x?.length !== 4)
      throw new ThawError("resize", `x has shape ${formatShape(x)}`, "[batch, rows, columns, channels]");
    if (size.some((n) => !Number.isInteger(n) || n < 1) || scales?.some((s) => !(s > 0)))
      throw new ThawError(
        "resize",
        `received size ${formatShape(size)} and scales ${formatShape(scales)}`,
        "whole numbers from 1 and scales above 0",
      );
    const known = ["asymmetric", "align_corners", "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel"];
    const crops = coordinates === "tf_crop_and_resize" && roi !== undefined;
    if (!modes.includes(mode) || !roundings.includes(nearestMode) || !(crops || known.includes(coordinates)))
      throw new ThawError(
        "resize",
        `received mode ${mode}, nearestMode ${nearestMode} and coordinates ${coordinates}`,
        `a mode of ${modes.join(", ")}, rounding by ${roundings.join(", ")}, coordinates ${known.join(", ")}, or tf_crop_and_resize with a roi`,
      );
    return { y: [x[0], ...size, x[3]] };
  },
  gradients: {
    x: {
      op: "resizeGradient",
      from: { dy: "dy" },
      attrs: (attrs, { x }): ResizeGradientAttrs => ({ ...attrs, inputShape: x! }),
    },
  },
  variants: { plain: (attrs, { x }) => lowerResize(attrs, x, false, "x", "y") },
  cases: resizeCases,
});

export const resizeGradient = operation<ResizeGradientAttrs>({
  name: "resizeGradient",
  inputs: ["dy"],
  outputs: ["dx"],
  shapes: ({ inputShape }) => ({ dx: inputShape }),
  gradients: {},
  constants: ["dy"],
  variants: { plain: (attrs) => lowerResize(attrs, attrs.inputShape, true, "dy", "dx") },
  cases: resizeCases.map(({ attrs, inputs: { x } }) => ({
    attrs: { ...attrs, inputShape: x! },
    inputs: { dy: [x![0], ...attrs.size, x![3]] },
  })),
});
