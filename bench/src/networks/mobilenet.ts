/** MobileNetV2 (Sandler et al. 2018) as keras.applications builds it. */
import { LayerList, type LayerSpec } from "./layers";

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

/** All layers but the input; the last one gives logits. @param size side of the image. */
export function mobilenetV2(alpha: number, size: number, classes: number): LayerSpec[] {
  const list = new LayerList();
  let side = size;
  /** Keras's applications pad by hand before a stride of two, as weights imported from TensorFlow need it. */
  const strided = (stride: number) => {
    if (stride === 1) return { stride };
    const pad = [side % 2 === 0 ? 0 : 1, 1] as const;
    side = Math.ceil(side / 2);
    return { stride, pad };
  };
  const norm = (name: string) => list.add({ kind: "norm", name, epsilon: 1e-3, momentum: 0.999 });
  const relu = (name: string) => list.add({ kind: "relu6", name });
  const pointwise = (name: string, filters: number) => list.add({ kind: "conv", name, filters, kernel: 1 });
  let channels = divisible(32 * alpha);
  list.add({ kind: "conv", name: "Conv1", filters: channels, kernel: 3, ...strided(2) });
  norm("bn_Conv1");
  relu("Conv1_relu");
  let block = 0;
  for (const [expansion, width, repeats, firstStride] of stages) {
    for (let repeat = 0; repeat < repeats; repeat++, block++) {
      const prefix = block === 0 ? "expanded_conv_" : `block_${block}_`;
      const entry = list.last;
      const stride = repeat === 0 ? firstStride : 1;
      if (block > 0) {
        pointwise(`${prefix}expand`, expansion * channels);
        norm(`${prefix}expand_BN`);
        relu(`${prefix}expand_relu`);
      }
      list.add({ kind: "depthwise", name: `${prefix}depthwise`, kernel: 3, ...strided(stride) });
      norm(`${prefix}depthwise_BN`);
      relu(`${prefix}depthwise_relu`);
      const filters = divisible(Math.floor(width * alpha));
      const before = pointwise(`${prefix}project`, filters);
      norm(`${before}_BN`);
      if (stride === 1 && channels === filters)
        list.add({ kind: "add", name: `${prefix}add`, inputs: [entry, list.last] });
      channels = filters;
    }
  }
  pointwise("Conv_1", alpha > 1 ? divisible(1280 * alpha) : 1280);
  norm("Conv_1_bn");
  relu("out_relu");
  list.add({ kind: "pool", name: "pool" });
  list.add({ kind: "dense", name: "head", filters: classes });
  return list.specs;
}
