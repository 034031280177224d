/** The problems of the kernel rows: shapes, and the same operation in Thaw, TF.js and jax-js. */
import type { Shape } from "../../../src/index";

export type Direction = "forward" | "dx" | "dw";

export interface Problem {
  /** Of the row. */
  readonly id: string;
  readonly kind: "matmul" | "conv" | "depthwise";
  readonly direction: Direction;
  /** Thaw's operation, with its attributes. */
  readonly op: string;
  readonly attrs: object;
  /** By Thaw's names, channels last: x and w, dy and w, or x and dy. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Images; 0 for a matrix product. */
  readonly batch: number;
  /** Of the forward pass. */
  readonly x: Shape;
  readonly w: Shape;
  readonly stride: number;
  readonly pad: number;
}

/** x * w; its gradients are products of dy and a transposed factor, and go by the same names. */
function matmul(n: number, direction: Direction): Problem {
  const x: Shape = [n, n];
  return {
    id: `kernel/matmul-${n}/${direction}`,
    kind: "matmul",
    direction,
    op: "matmul",
    attrs: { transposeX: direction === "dw", transposeW: direction === "dx" },
    inputs: { x, w: x },
    batch: 0,
    x,
    w: x,
    stride: 1,
    pad: 0,
  };
}

interface Convolution {
  readonly kind: "conv" | "depthwise";
  readonly batch: number;
  readonly side: number;
  readonly channels: number;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
}

const operations = {
  conv: { forward: "conv2d", dx: "conv2dInputGradient", dw: "conv2dFilterGradient" },
  depthwise: { forward: "depthwiseConv2d", dx: "depthwiseInputGradient", dw: "depthwiseFilterGradient" },
} as const;

export function convolution(of: Convolution, direction: Direction): Problem {
  const { kind, batch, side, channels, filters, kernel, stride = 1 } = of;
  const pad = (kernel - 1) / 2;
  const attrs = { strides: [stride, stride], dilation: [1, 1], groups: 1, pads: [pad, pad, pad, pad] };
  const x: Shape = [batch, side, side, channels];
  const w: Shape = kind === "depthwise" ? [kernel, kernel, channels, 1] : [kernel, kernel, channels, filters];
  const out = Math.floor((side + 2 * pad - kernel) / stride) + 1;
  const dy: Shape = [batch, out, out, kind === "depthwise" ? channels : filters];
  const given = {
    forward: { attrs, inputs: { x, w } },
    dx: { attrs: { ...attrs, inputShape: x }, inputs: { dy, w } },
    dw: { attrs: { ...attrs, filterShape: w }, inputs: { x, dy } },
  };
  const strided = stride === 1 ? "" : `-s${stride}`;
  const name =
    kind === "depthwise"
      ? `depthwise${kernel}x${kernel}-${side}-${channels}${strided}`
      : `conv${kernel}x${kernel}-${side}-${channels}-${filters}${strided}`;
  const common = { kind, direction, op: operations[kind][direction], batch, x, w, stride, pad };
  return { id: `kernel/${name}/${direction}`, ...common, ...given[direction] };
}

type Shaped = Omit<Convolution, "batch">;

const conv = (side: number, channels: number, filters: number, kernel: number, stride?: number): Shaped => ({
  kind: "conv",
  side,
  channels,
  filters,
  kernel,
  stride,
});

const depthwise = (side: number, channels: number, stride?: number): Shaped => ({
  kind: "depthwise",
  side,
  channels,
  filters: channels,
  kernel: 3,
  stride,
});

/** Those of the goals. */
const goals: readonly Shaped[] = [conv(56, 64, 64, 3), conv(28, 96, 576, 1), depthwise(56, 144)];

const more: readonly Shaped[] = [
  // MobileNetV2
  conv(14, 384, 64, 1),
  conv(7, 960, 160, 1),
  depthwise(14, 576),
  depthwise(28, 192, 2),
  // ResNet50
  conv(28, 128, 128, 3),
  conv(14, 256, 256, 3),
  conv(14, 1024, 256, 1),
];

const large: readonly Shaped[] = [
  // MobileNetV2 at 224
  conv(112, 16, 96, 1),
  conv(56, 24, 144, 1),
  conv(7, 320, 1280, 1),
  depthwise(112, 96, 2),
  depthwise(7, 960),
  // ResNet50 at 224
  conv(224, 3, 64, 7, 2),
  conv(56, 64, 256, 1),
  conv(56, 256, 128, 1, 2),
  conv(28, 128, 512, 1),
  conv(7, 512, 512, 3),
  conv(7, 512, 2048, 1),
];

/** A quick run takes a quarter of the images: TF.js needs fifteen seconds for one gradient of eight where the machine is slow. */
export function problems(options: { quick: boolean; large: boolean }): Problem[] {
  const batch = options.quick ? 2 : 8;
  const directions = ["forward", "dx", "dw"] as const;
  const products = options.quick
    ? [256, 512, 1024].map((n) => matmul(n, "forward"))
    : [256, 512, 1024, 2048].flatMap((n) => directions.map((direction) => matmul(n, direction)));
  const shaped = [...goals, ...(options.quick ? [] : more), ...(options.large ? large : [])];
  return [
    ...products,
    ...shaped.flatMap((of) => directions.map((direction) => convolution({ ...of, batch }, direction))),
  ];
}
