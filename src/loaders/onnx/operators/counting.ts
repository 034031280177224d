/** Operators that compare places with numbers: one-hot vectors and triangles. */
import { ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { axisOf, describe, wholeOf } from "../attributes";
import { checkFolded, product, type HostTensor } from "../host-tensor";
import { align } from "../layout/align";
import { dimsOf } from "../layout/tensor";
import { knownInput, tensorInput, type Emit, type Operators } from "./operator";

/** The upper or lower triangle of matrices, the rest 0: causal masks. */
const triangle: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const k = knownInput(node, inputs, 1)?.data[0] ?? 0;
  const upper = wholeOf(node, "upper", 1) !== 0;
  const [rows, columns] = dimsOf(x).slice(-2);
  checkFolded(describe(node), rows * columns);
  const keep = Float32Array.from({ length: rows * columns }, (_, at) => {
    const distance = (at % columns) - Math.floor(at / columns);
    return Number(upper ? distance >= k : distance <= k);
  });
  const mask: HostTensor = { dims: [rows, columns], kind: "float", data: keep };
  const { values, layout } = align(e, describe(node), [mask, x]);
  const zero = e.g.constant(`${node.name}/zero`, [1], [0]);
  return [{ ...layout, kind: x.kind, value: e.apply("where", {}, { c: values[0], a: values[1], b: zero }) }];
};

/** A new axis of `depth`, with the second value where it counts up to the index and the first elsewhere. */
const oneHot: Emit = (e, node, inputs) => {
  const indices = e.plain(tensorInput(e, node, inputs, 0));
  const depth = knownInput(node, inputs, 1)?.data[0] ?? 0;
  if (!Number.isInteger(depth) || depth < 1) throw new ThawError(describe(node), `depth is ${depth}`, "at least 1");
  checkFolded(describe(node), depth);
  const axis = axisOf(node, wholeOf(node, "axis", -1), indices.axes.length + 1);
  const rows = e.view(indices.value, [product(indices.shape), 1]);
  const number = (value: number) => e.g.constant(`${node.name}/${value}`, [1], [value]);
  const counted = e.g.constant(
    `${node.name}/count`,
    [depth],
    Array.from({ length: depth }, (_, i) => i),
  );
  const compare = (kind: "less" | "equal", a: Value, b: Value) => e.apply("arithmetic", { kind }, { a, b });
  const fromEnd = e.apply("affine", { scale: 1, offset: depth }, { x: rows });
  const places = e.apply("where", {}, { c: compare("less", rows, number(0)), a: fromEnd, b: rows });
  const hits = e.view(compare("equal", places, counted), [product(indices.shape) * depth]);
  const value = e.apply("gatherAxis", { axis: 0 }, { x: e.whole(inputs[2]!, [2]), indices: hits });
  const axes = indices.axes.toSpliced(axis, 0, [indices.shape.length]);
  return [{ value, shape: [...indices.shape, depth], axes, kind: "float" }];
};

export const counting: Operators = { OneHot: oneHot, Trilu: triangle };
