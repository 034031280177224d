/** What each operation is in Keras's layers. */
import type { Node } from "../../../../nn/graph";
import type { SampleShape } from "../../../../nn/layer";
import { rectifierPart, writeActivation } from "../activations";
import { moduleOf } from "../modules";
import { chain } from "../parts";
import { broadcast, isTensor, product, scalar, type Constant, type Known, type Tensor } from "./builder";
import { averagePooling, maxPooling, type Pooling } from "./pooling";
import { batch, type Translations, type Translator } from "./translator";

type Attributes = Readonly<Record<string, unknown>>;

/** A constant's shape, the batch as 1. */
const constantShape = (shape: readonly number[]) => shape.map((d) => (d === batch ? 1 : d));

const only = (x: Known, then: (x: Tensor) => Known | string): Known | string =>
  isTensor(x) ? then(x) : "arithmetic of constants";

export const translations: Translations = {
  reshape: (t, node, sample) => {
    const x = t.input(node, "x");
    const shape = node.attrs.shape as readonly number[];
    return isTensor(x) ? t.b.reshape(x, sample) : { data: x.data, shape: constantShape(shape) };
  },
  expand: (t, node) => {
    const x = t.input(node, "x");
    if (isTensor(x)) return "repetition of a tensor";
    const shape = constantShape(node.attrs.shape as readonly number[]);
    return { data: broadcast(x, shape), shape };
  },
  transpose: (t, node) =>
    only(t.input(node, "x"), (x) => {
      const order = node.attrs.permutation as readonly number[];
      if (order[0] !== 0) return "a transpose of the batch";
      return t.b.permute(
        x,
        order.slice(1).map((p) => p - 1),
      );
    }),
  slice: (t, node) =>
    only(t.input(node, "x"), (x) => {
      const { begin, size } = node.attrs as { begin: readonly number[]; size: readonly number[] };
      return x.sample.reduce((cut, d, a) => {
        const length = size[a + 1] === -1 ? d - begin[a + 1] : size[a + 1];
        return t.b.crop(cut, a, begin[a + 1], length);
      }, x);
    }),
  pad: (t, node, sample) =>
    only(t.input(node, "x"), (x) => {
      const { before, after } = node.attrs as { before: readonly number[]; after: readonly number[] };
      const elsewhere = before.some((p, a) => (p > 0 || after[a] > 0) && (a === 0 || a > 2));
      if (x.sample.length !== 3 || elsewhere) return "padding of something else than rows and columns";
      const padding = [1, 2].map((a) => [before[a], after[a]]);
      return t.b.add("ZeroPadding2D", { padding, data_format: "channels_last" }, [x], sample);
    }),
  concatenate: (t, node, sample) => {
    const rank = sample.length + 1;
    const axis = node.attrs.axis as number;
    const list = Object.keys(node.inputs).map((name) => t.input(node, name));
    const like = list.find((x) => isTensor(x));
    const at = axis < 0 ? axis + rank : axis;
    const tensors = list.map((x) => (isTensor(x) ? x : like && t.b.materialise(x, x.shape.slice(1), like)));
    if (!tensors.every((x) => x !== undefined)) return "a constant among tensors that are smaller";
    return t.b.add("Concatenate", { axis: at }, tensors, sample, { asList: true });
  },
  affine: (t, node) =>
    only(t.input(node, "x"), (x) => {
      const { scale, offset } = node.attrs as { scale: number; offset: number };
      return t.b.add("Rescaling", { scale, offset }, [x], x.sample);
    }),
  channelAffine: (t, node) =>
    only(t.input(node, "x"), (x) => {
      const [scale, shift] = [t.input(node, "scale"), t.input(node, "shift")];
      if (isTensor(scale) || isTensor(shift)) return "factors that are computed";
      return t.b.affine(x, scale, shift);
    }),
  add: (t, node, sample) => {
    const { scaleA = 1, scaleB = 1 } = node.attrs as { scaleA?: number; scaleB?: number };
    return combine(t, node, sample, "Add", [scaleA, scaleB]);
  },
  multiply: (t, node, sample) => {
    const scaled = t.scaledBy(node);
    const x = scaled && t.of(scaled);
    if (!x || !isTensor(x)) return combine(t, node, sample, "Multiply", [1, 1]);
    const config = { init_values: 1, projection_dim: x.sample.at(-1) };
    return t.b.add("LayerScale", config, [x], sample, { ...moduleOf("LayerScale"), ownsWeights: true });
  },
  activation: (t, node) => only(t.input(node, "x"), (x) => activation(t, node.attrs, x)),
  softmax: (t, node) => only(t.input(node, "x"), (x) => t.b.add("Softmax", { axis: -1 }, [x], x.sample)),
  maxPool: (t, node, sample) =>
    only(t.input(node, "x"), (x) =>
      maxPooling(t.b, x, node.attrs as unknown as Pooling, [sample[0], sample[1]], sample),
    ),
  averagePool: (t, node, sample) =>
    only(t.input(node, "x"), (x) =>
      averagePooling(t.b, x, node.attrs as unknown as Pooling, [sample[0], sample[1]], sample),
    ),
  windowPool: (t, node, sample) =>
    only(t.input(node, "x"), (x) => {
      const { kind } = node.attrs;
      const pooling = kind === "max" ? maxPooling : kind === "average" ? averagePooling : undefined;
      if (!pooling) return "pooling by a norm";
      return pooling(t.b, x, node.attrs as unknown as Pooling, [sample[0], sample[1]], sample);
    }),
  matmul: (t, node, sample) =>
    only(t.input(node, "x"), (x) => {
      if (!t.denseOf(node)) return productOfTensors(t, node, x, sample);
      const useBias = node.inputs.b !== undefined;
      const config = { units: sample.at(-1), use_bias: useBias, activation: "linear" };
      return t.b.add("Dense", config, [x], sample, { ownsWeights: true });
    }),
};

/** No layer of Keras computes it, an operation of Keras 3 does. */
function productOfTensors(t: Translator, node: Node, x: Tensor, sample: SampleShape): Known | string {
  const w = t.input(node, "w");
  const { transposeX, transposeW, flatten } = node.attrs;
  const plain = isTensor(w) && node.inputs.b === undefined && flatten !== true;
  if (t.dialect !== 3 || !plain || w.sample.length !== x.sample.length || x.sample.length < 2)
    return "a product of two tensors";
  const turned = (tensor: Tensor) => {
    const order = tensor.sample.map((_, i) => i);
    return t.b.permute(tensor, [...order.slice(0, -2), order.at(-1)!, order.at(-2)!]);
  };
  const factors = [transposeX === true ? turned(x) : x, transposeW === true ? turned(w) : w];
  return t.b.add("Matmul", {}, factors, sample, { module: "keras.src.ops.numpy" });
}

/** Of two tensors a layer; of a tensor and a constant a Rescaling. */
function combine(
  t: Translator,
  node: Node,
  sample: SampleShape,
  className: "Add" | "Multiply",
  factors: readonly [number, number],
): Known | string {
  const operands = [t.input(node, "a"), t.input(node, "b")] as const;
  const [a, b] = operands.map((x, i) =>
    isTensor(x) && factors[i] !== 1 ? t.b.affine(x, scalar(factors[i]), scalar(0)) : x,
  );
  if (isTensor(a) && isTensor(b)) {
    const rank = Math.max(a.sample.length, b.sample.length);
    const whole = (x: Tensor) => t.b.reshape(x, [...Array<number>(rank - x.sample.length).fill(1), ...x.sample]);
    return t.b.add(className, {}, [whole(a), whole(b)], sample, { asList: true });
  }
  const x = isTensor(a) ? a : b;
  const constant = (isTensor(a) ? b : a) as Constant;
  if (!isTensor(x)) return "arithmetic of constants";
  if (product(x.sample) !== product(sample)) return "repetition of a tensor by a constant";
  const factor = isTensor(a) ? factors[1] : factors[0];
  const scaled = { data: constant.data.map((v) => v * factor), shape: constantShape(constant.shape) };
  return className === "Add" ? t.b.affine(x, scalar(1), scaled) : t.b.affine(x, scaled, scalar(0));
}

const activationNames: Readonly<Record<string, string>> = {
  sigmoid: "sigmoid",
  tanh: "tanh",
  silu: "silu",
  hardSigmoid: "hard_sigmoid",
  hardSilu: "hard_silu",
  gelu: "gelu",
  softplus: "softplus",
};

function activation(t: Translator, attrs: Attributes, x: Tensor): Known | string {
  const { kind, slope, maxValue, threshold } = attrs as {
    kind: string;
    slope?: number;
    maxValue?: number;
    threshold?: number;
  };
  if (kind === "linear") return x;
  if (kind === "relu") {
    const settings = { max_value: maxValue ?? null, negative_slope: slope ?? 0, threshold: threshold ?? 0 };
    if (t.dialect !== 2) return t.b.add("ReLU", settings, [x], x.sample);
    const part = rectifierPart("relu", settings);
    return typeof part === "string" ? part : t.b.addAll(chain([part]), x, x.sample);
  }
  const config =
    kind === "geluTanh"
      ? { className: "gelu", config: { approximate: true } }
      : kind === "elu"
        ? { className: "ELU", config: { alpha: slope ?? 1 } }
        : (activationNames[kind] ?? kind);
  const written = writeActivation(config, t.dialect);
  if (typeof written === "string") return written;
  const { value, after } = written;
  if (after.length > 0) return t.b.addAll(after, x, x.sample);
  return t.b.add("Activation", { activation: value }, [x], x.sample);
}
