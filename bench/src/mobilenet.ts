/**
 * MobileNetV2 (Sandler et al. 2018) as keras.applications builds it, as a list of layers that every system here can build:
 * the same names, the same order, the same weights.
 */
export interface LayerSpec {
  readonly kind: "conv" | "depthwise" | "norm" | "relu6" | "add" | "pool" | "dense";
  readonly name: string;
  readonly inputs: readonly string[];
  readonly filters?: number;
  readonly kernel?: number;
  readonly stride?: number;
}

/** Rounds to a multiple of eight, never by more than a tenth down (the paper's reference code). */
function divisible(value: number): number {
  const rounded = Math.max(8, Math.floor((value + 4) / 8) * 8);
  return rounded < 0.9 * value ? rounded + 8 : rounded;
}

const stages = [
  // expansion, filters, repeats, stride
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** All layers but the input, which is called "image"; the last one gives logits. */
export function mobilenetV2(alpha: number, classes: number): LayerSpec[] {
  const layers: LayerSpec[] = [];
  let last = "image";
  const add = (spec: Omit<LayerSpec, "inputs"> & { inputs?: readonly string[] }) => {
    layers.push({ inputs: [last], ...spec });
    last = spec.name;
  };
  const convolution = (name: string, filters: number, kernel: number, stride: number) =>
    add({ kind: "conv", name, filters, kernel, stride });
  let channels = divisible(32 * alpha);
  convolution("Conv1", channels, 3, 2);
  add({ kind: "norm", name: "bn_Conv1" });
  add({ kind: "relu6", name: "Conv1_relu" });
  let block = 0;
  for (const [expansion, width, repeats, firstStride] of stages) {
    for (let repeat = 0; repeat < repeats; repeat++, block++) {
      const prefix = block === 0 ? "expanded_conv_" : `block_${block}_`;
      const entry = last;
      const stride = repeat === 0 ? firstStride : 1;
      if (block > 0) {
        convolution(`${prefix}expand`, expansion * channels, 1, 1);
        add({ kind: "norm", name: `${prefix}expand_BN` });
        add({ kind: "relu6", name: `${prefix}expand_relu` });
      }
      add({ kind: "depthwise", name: `${prefix}depthwise`, kernel: 3, stride });
      add({ kind: "norm", name: `${prefix}depthwise_BN` });
      add({ kind: "relu6", name: `${prefix}depthwise_relu` });
      const filters = divisible(Math.floor(width * alpha));
      convolution(`${prefix}project`, filters, 1, 1);
      add({ kind: "norm", name: `${prefix}project_BN` });
      if (stride === 1 && channels === filters) add({ kind: "add", name: `${prefix}add`, inputs: [entry, last] });
      channels = filters;
    }
  }
  convolution("Conv_1", alpha > 1 ? divisible(1280 * alpha) : 1280, 1, 1);
  add({ kind: "norm", name: "Conv_1_bn" });
  add({ kind: "relu6", name: "out_relu" });
  add({ kind: "pool", name: "pool" });
  add({ kind: "dense", name: "head", filters: classes });
  return layers;
}
