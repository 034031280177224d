/** Enlarging images by whole factors, as Keras's UpSampling2D, and its gradient. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../program";

export interface UpsampleAttrs {
  /** Factors of height and width. */
  readonly size: readonly [number, number];
  readonly interpolation: "nearest" | "bilinear";
}

interface Upsample extends UpsampleAttrs {
  readonly x: Shape; // [N, H, W, C], the small one
}

const workgroup = 64;
const enlarged = (p: Upsample) => elements(p.x) * p.size[0] * p.size[1];
const overrides = (p: Upsample) => ({
  BILINEAR: p.interpolation === "bilinear",
  SCALE_H: p.size[0],
  SCALE_W: p.size[1],
});
const params = ({ x }: Upsample) => ({ height: x[1], width: x[2], channels: x[3] });
const cost = (p: Upsample) => ({
  flops: p.interpolation === "bilinear" ? 6 * enlarged(p) : 0,
  bytes: 4 * (elements(p.x) + enlarged(p)),
});

export const upsampleKernel: Kernel<Upsample> = {
  program: wgsl("layers", "upsample"),
  overrides,
  params: (p) => ({ count: enlarged(p), ...params(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(enlarged(p), workgroup)),
  sizes: (p) => ({ x: elements(p.x), y: enlarged(p) }),
  cost,
};

export const upsampleGradientKernel: Kernel<Upsample> = {
  program: wgsl("layers", "upsample_gradient"),
  overrides,
  params: (p) => ({ count: elements(p.x), ...params(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.x), workgroup)),
  sizes: (p) => ({ dy: enlarged(p), dx: elements(p.x) }),
  cost: (p) => ({ ...cost(p), flops: 2 * enlarged(p) * (p.interpolation === "bilinear" ? 4 : 1) }),
};

function check(who: string, name: string, shape: Shape, size: readonly number[]): void {
  if (shape.length !== 4)
    throw new ThawError(
      who,
      `received ${name} of shape ${formatShape(shape)}`,
      "4 axes: batch, height, width, channels",
    );
  if (size.some((s) => s < 1 || !Number.isInteger(s)))
    throw new ThawError(who, `received size ${formatShape(size)}`, "whole numbers from 1");
}

const sizes: readonly (readonly [UpsampleAttrs["size"], Shape, "large"?])[] = [
  [
    [1, 1],
    [1, 1, 1, 1],
  ],
  [
    [2, 2],
    [1, 1, 1, 3],
  ],
  [
    [2, 2],
    [2, 3, 5, 4],
  ],
  [
    [3, 2],
    [1, 4, 3, 5],
  ],
  [
    [1, 5],
    [2, 2, 3, 2],
  ],
  [[4, 4], [2, 8, 8, 17], "large"],
];

const problems = () =>
  sizes.flatMap(([size, x, flag]) =>
    (["nearest", "bilinear"] as const).map((interpolation) => ({
      attrs: { size, interpolation },
      x,
      flags: flag ? ({ large: true } as const) : {},
    })),
  );

const outputShape = ({ size }: UpsampleAttrs, [n, h, w, c]: Shape): Shape => [n, h * size[0], w * size[1], c];

export const upsample = operation<UpsampleAttrs>({
  name: "upsample",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    check("upsample", "x", x!, attrs.size);
    return { y: outputShape(attrs, x!) };
  },
  gradients: { x: { op: "upsampleGradient", from: { dy: "dy" } } },
  variants: {
    plain: (attrs, { x }) => ({ dispatches: [dispatch(upsampleKernel, { ...attrs, x: x }, { x: "x", y: "y" })] }),
  },
  cases: problems().map(({ attrs, x, flags }) => ({ attrs, inputs: { x }, ...flags })),
});

export const upsampleGradient = operation<UpsampleAttrs>({
  name: "upsampleGradient",
  inputs: ["dy"],
  outputs: ["dx"],
  shapes: ({ size }, { dy }) => {
    check("upsampleGradient", "dy", dy!, size);
    const [n, p, q, c] = dy!;
    if (p % size[0] !== 0 || q % size[1] !== 0)
      throw new ThawError(
        "upsampleGradient",
        `received dy of shape ${formatShape(dy)}`,
        `height and width in multiples of ${size.join(" and ")}`,
      );
    return { dx: [n, p / size[0], q / size[1], c] };
  },
  gradients: {},
  constants: ["dy"],
  variants: {
    plain: (attrs, { dx }) => ({
      dispatches: [dispatch(upsampleGradientKernel, { ...attrs, x: dx }, { dy: "dy", dx: "dx" })],
    }),
  },
  cases: problems().map(({ attrs, x, flags }) => ({ attrs, inputs: { dy: outputShape(attrs, x) }, ...flags })),
});
