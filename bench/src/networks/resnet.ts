/** ResNet50 (He et al. 2015) as keras.applications builds it: version 1, strides in the first 1x1 convolution, biases. */
import { LayerList, type LayerSpec } from "./layers";

const stages = [
  // filters, blocks, stride
  [64, 3, 1],
  [128, 4, 2],
  [256, 6, 2],
  [512, 3, 2],
] as const;

/** All layers but the input; the last one gives logits. */
export function resnet50(classes: number): LayerSpec[] {
  const list = new LayerList();
  const conv = (name: string, filters: number, kernel: number, more: Partial<LayerSpec> = {}) => {
    list.add({ kind: "conv", name: `${name}_conv`, filters, kernel, bias: true, ...more });
    return list.add({ kind: "norm", name: `${name}_bn`, epsilon: 1.001e-5, momentum: 0.99 });
  };
  const relu = (name: string) => list.add({ kind: "relu", name });
  conv("conv1", 64, 7, { stride: 2, pad: [3, 3] });
  relu("conv1_relu");
  list.add({ kind: "maxPool", name: "pool1_pool", kernel: 3, stride: 2, pad: [1, 1] });
  stages.forEach(([filters, blocks, firstStride], stage) => {
    for (let block = 1; block <= blocks; block++) {
      const name = `conv${stage + 2}_block${block}`;
      const entry = list.last;
      const stride = block === 1 ? firstStride : 1;
      const shortcut = block === 1 ? conv(`${name}_0`, 4 * filters, 1, { inputs: [entry], stride }) : entry;
      conv(`${name}_1`, filters, 1, { inputs: [entry], stride });
      relu(`${name}_1_relu`);
      conv(`${name}_2`, filters, 3);
      relu(`${name}_2_relu`);
      const branch = conv(`${name}_3`, 4 * filters, 1);
      list.add({ kind: "add", name: `${name}_add`, inputs: [shortcut, branch] });
      relu(`${name}_out`);
    }
  });
  list.add({ kind: "pool", name: "pool" });
  list.add({ kind: "dense", name: "head", filters: classes });
  return list.specs;
}
