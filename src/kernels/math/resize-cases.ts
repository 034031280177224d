/** Example problems of resizing. */
import type { Case, Shape } from "../operation";
import type { ResizeAttrs } from "./resize";

type Problem = readonly [Shape, ResizeAttrs];

const image: Shape = [2, 5, 7, 3];
const up = [11, 10] as const;
const down = [3, 4] as const;

const kernels: readonly Pick<ResizeAttrs, "mode" | "excludeOutside" | "antialias" | "cubicCoeff">[] = [
  { mode: "nearest" },
  { mode: "linear" },
  { mode: "linear", antialias: true },
  { mode: "cubic" },
  { mode: "cubic", excludeOutside: true, cubicCoeff: -0.5 },
  { mode: "cubic", antialias: true },
];

const coordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
] as const;

const problems: readonly Problem[] = [
  ...kernels.flatMap((kernel): Problem[] => [
    [image, { ...kernel, size: up, coordinates: "half_pixel" }],
    [image, { ...kernel, size: down, coordinates: "half_pixel" }],
  ]),
  ...coordinates.flatMap((c): Problem[] => [
    [[1, 4, 6, 2], { mode: "nearest", size: [8, 3], coordinates: c }],
    [[1, 4, 6, 2], { mode: "linear", size: [8, 3], coordinates: c }],
    [[1, 3, 4, 1], { mode: "cubic", size: [1, 7], coordinates: c, scales: [0.6, 1.9] }],
  ]),
  // Ties: halves between two elements.
  ...(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const).flatMap((nearestMode): Problem[] => [
    [[1, 8, 6, 1], { mode: "nearest", size: [4, 9], coordinates: "half_pixel", nearestMode }],
    [[1, 3, 6, 1], { mode: "nearest", size: [5, 4], coordinates: "align_corners", nearestMode }],
    [[1, 2, 4, 5], { mode: "nearest", size: [7, 8], coordinates: "asymmetric", nearestMode }],
  ]),
  ...(["nearest", "linear", "cubic"] as const).map((mode): Problem => [
    [2, 4, 4, 3],
    { mode, size: [3, 5], coordinates: "tf_crop_and_resize", roi: [0.2, -0.3, 0.9, 1.25], extrapolation: 10 },
  ]),
  [[1, 4, 4, 1], { mode: "linear", size: [1, 3], coordinates: "tf_crop_and_resize", roi: [0.4, 0.8, 0.6, 0.2] }],
  [[2, 3, 4, 8], { mode: "linear", size: [3, 4], coordinates: "half_pixel" }],
  [[1, 1, 1, 1], { mode: "cubic", size: [1, 1], coordinates: "align_corners" }],
  [[1, 1, 1, 3], { mode: "linear", size: [4, 3], coordinates: "half_pixel", excludeOutside: true }],
];

export const resizeCases: readonly Case<ResizeAttrs>[] = problems.map(([x, attrs]) => ({ attrs, inputs: { x } }));
