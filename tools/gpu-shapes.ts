/** Problems where MobileNetV2 and ResNet50 spend their time, at 224x224 in the batches of the benchmark. */
import { samePadding, type Pads, type Pair } from "../src/kernels/convolution";
import type { Case, Shape } from "../src/kernels/operation";

/** Operation -> problems, each with the name that the report gives it. */
export type Problems = Readonly<Record<string, readonly (Case<object> & { readonly title: string })[]>>;

const square = (n: number): Pair => [n, n];

interface Layer {
  readonly title: string;
  readonly x: Shape;
  readonly filter: number;
  readonly filters: number;
  readonly stride?: number;
  /** Default: Keras's "same". */
  readonly pads?: Pads;
  /** Whether the network adds another branch to the result. */
  readonly residual?: boolean;
}

/** Forward with the epilogue that a frozen or folded normalization leaves, dx and dw. */
function convolutions(layers: readonly Layer[], depthwise: boolean): Problems {
  const names = depthwise
    ? ["depthwiseConv2d", "depthwiseInputGradient", "depthwiseFilterGradient"]
    : ["conv2d", "conv2dInputGradient", "conv2dFilterGradient"];
  const problems = layers.map(({ title, x, filter, filters, stride = 1, pads, residual }) => {
    const [batch, rows, columns, channels] = x;
    const padding = pads ?? samePadding([rows, columns], square(filter), square(stride));
    const attrs = { strides: square(stride), dilation: square(1), groups: 1, pads: padding };
    const out = (n: number, before: number, after: number) => Math.floor((n + before + after - filter) / stride) + 1;
    const y: Shape = [batch, out(rows, padding[0], padding[1]), out(columns, padding[2], padding[3]), filters];
    const w: Shape = [filter, filter, channels, depthwise ? 1 : filters];
    const activation = { kind: "relu", maxValue: 6 };
    const epilogue = { b: [filters], scale: [filters], ...(residual && { residual: y }) };
    return [
      { title, attrs: { ...attrs, ...(!residual && { activation }) }, inputs: { x, w, ...epilogue } },
      { title: `${title} dx`, attrs: { ...attrs, inputShape: x }, inputs: { dy: y, w } },
      { title: `${title} dw`, attrs: { ...attrs, filterShape: w }, inputs: { x, dy: y } },
    ];
  });
  return Object.fromEntries(names.map((name, i) => [name, problems.map((p) => p[i])]));
}

const products: Problems = {
  matmul: [
    { title: "1024 cubed", attrs: {}, inputs: { x: [1024, 1024], w: [1024, 1024] } },
    { title: "2048 cubed", attrs: {}, inputs: { x: [2048, 2048], w: [2048, 2048] } },
    { title: "1024 cubed, x'", attrs: { transposeX: true }, inputs: { x: [1024, 1024], w: [1024, 1024] } },
    { title: "1024 cubed, w'", attrs: { transposeW: true }, inputs: { x: [1024, 1024], w: [1024, 1024] } },
    { title: "1023 cubed", attrs: {}, inputs: { x: [1023, 1023], w: [1023, 1023] } },
    { title: "head, 1280 to 5", attrs: {}, inputs: { x: [16, 1280], w: [1280, 5], b: [5] } },
  ],
};

const stem: Pads = [3, 3, 3, 3];

const dense = convolutions(
  [
    { title: "mobilenetv2 stem", x: [16, 224, 224, 3], filter: 3, filters: 32, stride: 2 },
    { title: "mobilenetv2 project 112", x: [16, 112, 112, 32], filter: 1, filters: 16 },
    { title: "mobilenetv2 expand 56", x: [16, 56, 56, 24], filter: 1, filters: 144 },
    { title: "mobilenetv2 project 56", x: [16, 56, 56, 144], filter: 1, filters: 24, residual: true },
    { title: "mobilenetv2 expand 14", x: [16, 14, 14, 96], filter: 1, filters: 576 },
    { title: "mobilenetv2 project 7", x: [16, 7, 7, 960], filter: 1, filters: 160, residual: true },
    { title: "mobilenetv2 last", x: [16, 7, 7, 320], filter: 1, filters: 1280 },
    { title: "resnet50 stem", x: [8, 224, 224, 3], filter: 7, filters: 64, stride: 2, pads: stem },
    { title: "resnet50 3x3 56", x: [8, 56, 56, 64], filter: 3, filters: 64 },
    { title: "resnet50 3x3 28", x: [8, 28, 28, 128], filter: 3, filters: 128 },
    { title: "resnet50 3x3 7", x: [8, 7, 7, 512], filter: 3, filters: 512 },
    { title: "3x3 28, stride 2", x: [8, 56, 56, 128], filter: 3, filters: 128, stride: 2 },
    { title: "resnet50 expand 56", x: [8, 56, 56, 64], filter: 1, filters: 256, residual: true },
    { title: "resnet50 shortcut 28", x: [8, 56, 56, 256], filter: 1, filters: 512, stride: 2 },
    { title: "resnet50 reduce 7", x: [8, 7, 7, 2048], filter: 1, filters: 512 },
  ],
  false,
);

const depthwise = convolutions(
  [
    { title: "mobilenetv2 112", x: [16, 112, 112, 32], filter: 3, filters: 32 },
    { title: "mobilenetv2 112, stride 2", x: [16, 112, 112, 96], filter: 3, filters: 96, stride: 2 },
    { title: "mobilenetv2 56", x: [16, 56, 56, 144], filter: 3, filters: 144 },
    { title: "mobilenetv2 7", x: [16, 7, 7, 960], filter: 3, filters: 960 },
  ],
  true,
);

export const problems: Problems = { ...products, ...dense, ...depthwise };
