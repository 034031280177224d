/** Global average and max pooling, [N, ..., C] to [N, C], and their gradients. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type AdapterTraits, type Shape } from "../operation";
import { wgsl } from "../program";

export interface GlobalPoolGradientAttrs {
  readonly inputShape: Shape; // [N, ..., C]
}

interface GlobalPool {
  readonly batch: number;
  readonly positions: number;
  readonly channels: number;
  /** Invocations a workgroup has for each channel. */
  readonly strips: number;
  readonly maximum: boolean;
}

const sizesOf = (x: Shape) => ({ batch: x[0], positions: elements(x.slice(1, -1)), channels: x.at(-1)! });

const launch = (p: GlobalPool): [number, number, number] => [ceilDiv(p.channels, channelsPerWorkgroup(p)), p.batch, 1];

const channelsPerWorkgroup = (p: GlobalPool) => (p.strips > 1 ? 32 : 64);

const overrides = (p: GlobalPool) => ({ CHANNELS: channelsPerWorkgroup(p), STRIPS: p.strips });

const count = (p: GlobalPool) => p.batch * p.positions * p.channels;

export const globalPoolKernel: Kernel<GlobalPool> = {
  program: wgsl("training", "global_pool"),
  overrides: (p) => ({ ...overrides(p), MAXIMUM: p.maximum }),
  params: (p) => ({ channels: p.channels, positions: p.positions }),
  workgroups: launch,
  sizes: (p) => ({ x: count(p), y: p.batch * p.channels }),
  cost: (p) => ({ flops: count(p), bytes: 4 * (count(p) + p.batch * p.channels) }),
};

export const globalAverageGradientKernel: Kernel<Omit<GlobalPool, "strips" | "maximum">> = {
  program: wgsl("training", "global_average_gradient"),
  params: (p) => ({ count: p.batch * p.positions * p.channels, channels: p.channels, positions: p.positions }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.batch * p.positions * p.channels, 64)),
  sizes: (p) => ({ dy: p.batch * p.channels, dx: p.batch * p.positions * p.channels }),
  cost: (p) => ({
    flops: p.batch * p.positions * p.channels,
    bytes: 4 * p.batch * p.channels * (p.positions + 1),
  }),
};

export const globalMaxGradientKernel: Kernel<GlobalPool> = {
  program: wgsl("layers", "global_max_gradient"),
  overrides,
  params: (p) => ({ channels: p.channels, positions: p.positions }),
  workgroups: launch,
  sizes: (p) => ({ dy: p.batch * p.channels, x: count(p), y: p.batch * p.channels, dx: count(p) }),
  cost: (p) => ({ flops: 2 * count(p), bytes: 4 * (3 * count(p) + 2 * p.batch * p.channels) }),
};

function reducedShape(who: string, x: Shape): Shape {
  if (x.length < 3)
    throw new ThawError(
      who,
      `received x of shape ${formatShape(x)}`,
      "3 or more axes: batch, positions, channels",
      "Leave the pooling away where each image is already one vector.",
    );
  if (x[0] > 65535) throw new ThawError(who, `received a batch of ${x[0]}`, "at most 65535 images");
  return [x[0], x.at(-1)!];
}

function checkGradientShapes(who: string, x: Shape, dy: Shape): void {
  const y = reducedShape(who, x);
  if (dy.length !== 2 || dy[0] !== y[0] || dy[1] !== y[1])
    throw new ThawError(who, `received dy of shape ${formatShape(dy)}`, `the shape of y, ${formatShape(y)}`);
}

/** A tree pays where barriers are cheap and there is something to share out. */
const select = (x: Shape, adapter: AdapterTraits) =>
  adapter.software || elements(x.slice(1, -1)) < 16 ? "plain" : "workgroup";

/** Its barriers: a hundred times slower there. */
const unlikely = { workgroup: { on: "software" } } as const;

const inputs: readonly (readonly [Shape, "large"?])[] = [
  [[1, 1, 1, 1]],
  [[2, 3, 5, 3]],
  [[3, 7, 7, 32]],
  [[2, 4, 4, 65]],
  [[1, 9, 5]],
  [[4, 14, 14, 200], "large"],
];
const large = (flag?: "large") => (flag ? ({ large: true } as const) : {});
const ties = (_: number, random: () => number) => Math.floor(3 * random());

const forward = (strips: number, maximum: boolean) => (_: object, shapes: Record<string, Shape>) => ({
  dispatches: [dispatch(globalPoolKernel, { ...sizesOf(shapes["x"]), strips, maximum }, { x: "x", y: "y" })],
});

export const globalAveragePool = operation<object>({
  name: "globalAveragePool",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: reducedShape("globalAveragePool", x!) }),
  gradients: {
    x: { op: "globalAveragePoolGradient", from: { dy: "dy" }, attrs: (_, { x }) => ({ inputShape: x! }) },
  },
  variants: { plain: forward(1, false), workgroup: forward(8, false) },
  select: (_, { x }, adapter) => select(x, adapter),
  unlikely,
  cases: inputs.map(([x, flag]) => ({ attrs: {}, inputs: { x }, ...large(flag) })),
});

export const globalMaxPool = operation<object>({
  name: "globalMaxPool",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: reducedShape("globalMaxPool", x!) }),
  gradients: { x: { op: "globalMaxPoolGradient", from: { dy: "dy", x: "x", y: "y" } } },
  variants: { plain: forward(1, true), workgroup: forward(8, true) },
  select: (_, { x }, adapter) => select(x, adapter),
  unlikely,
  cases: inputs.map(([x, flag]) => ({ attrs: {}, inputs: { x }, ...large(flag) })),
});

export const globalAveragePoolGradient = operation<GlobalPoolGradientAttrs>({
  name: "globalAveragePoolGradient",
  inputs: ["dy"],
  outputs: ["dx"],
  shapes: ({ inputShape }, { dy }) => {
    checkGradientShapes("globalAveragePoolGradient", inputShape, dy!);
    return { dx: inputShape };
  },
  gradients: {},
  constants: ["dy"],
  variants: {
    plain: ({ inputShape }) => ({
      dispatches: [dispatch(globalAverageGradientKernel, sizesOf(inputShape), { dy: "dy", dx: "dx" })],
    }),
  },
  cases: inputs.map(([x, flag]) => ({
    attrs: { inputShape: x },
    inputs: { dy: [x[0], x.at(-1)!] },
    ...large(flag),
  })),
});

const maxGradient = (strips: number) => (_: object, shapes: Record<string, Shape>) => ({
  dispatches: [
    dispatch(
      globalMaxGradientKernel,
      { ...sizesOf(shapes["x"]), strips, maximum: true },
      { dy: "dy", x: "x", y: "y", dx: "dx" },
    ),
  ],
});

export const globalMaxPoolGradient = operation<object>({
  name: "globalMaxPoolGradient",
  inputs: ["dy", "x", "y"],
  outputs: ["dx"],
  shapes: (_, { dy, x }) => {
    checkGradientShapes("globalMaxPoolGradient", x!, dy!);
    return { dx: x! };
  },
  gradients: {},
  constants: ["dy", "x", "y"],
  variants: { plain: maxGradient(1), workgroup: maxGradient(8) },
  select: (_, { x }, adapter) => select(x, adapter),
  unlikely,
  cases: inputs.map(([x, flag]) => ({
    attrs: {},
    inputs: { dy: [x[0], x.at(-1)!], x, y: [x[0], x.at(-1)!] },
    fill: { x: ties, y: () => 2 },
    ...large(flag),
  })),
});
