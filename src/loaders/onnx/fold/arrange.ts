/** Folding of operations that move numbers about: reshapes, slices, gathers, and what makes constants. */
import { ThawError } from "../../../errors";
import { axisOf, describe, numbersOf, tensorOf, wholeOf } from "../attributes";
import {
  broadcastDims,
  checkFolded,
  hostTensor,
  integers,
  like,
  permuted,
  product,
  repeated,
  type HostTensor,
} from "../host-tensor";
import type { OnnxNode } from "../ir";
import { axesOf, sliceRanges, splitSizes, targetShape } from "../shapes";

type Inputs = readonly (HostTensor | undefined)[];
type Fold = (node: OnnxNode, inputs: Inputs) => readonly HostTensor[];

/** The same numbers under other dimensions; what is repeated is carried out first, unless it stays so: once for each sample. */
function reshaped(x: HostTensor, dims: readonly number[]): HostTensor {
  const own = x.repeats?.dims;
  const once = own?.length === x.dims.length && own.every((d, i) => d === (i === 0 ? 1 : x.dims[i]));
  if (x.repeats && once && dims[0] === x.dims[0])
    return repeated("Reshape", reshaped(x.repeats, [1, ...dims.slice(1)]), dims);
  return {
    dims,
    kind: x.kind,
    ...(x.weight !== undefined && { weight: x.weight }),
    get data() {
      return x.data;
    },
  };
}

function constant(node: OnnxNode): HostTensor {
  const tensor = tensorOf(node, "value");
  if (tensor) return tensor;
  const { attributes } = node;
  const one = attributes.get("value_float") ?? attributes.get("value_int");
  if (typeof one === "number")
    return attributes.has("value_int") ? integers([one], []) : hostTensor([], "float", Float32Array.of(one));
  const whole = numbersOf(node, "value_ints");
  if (whole) return integers(whole);
  const list = numbersOf(node, "value_floats");
  if (list) return hostTensor([list.length], "float", Float32Array.from(list));
  throw new ThawError(
    describe(node),
    `has ${[...attributes.keys()].join(", ") || "no value"}`,
    "a tensor or numbers",
    "Texts and sparse constants are not supported.",
  );
}

/** Rows of `inner` numbers picked along an axis. */
function gathered(node: OnnxNode, x: HostTensor, indices: HostTensor): HostTensor {
  const axis = axisOf(node, wholeOf(node, "axis", 0), x.dims.length);
  const inner = product(x.dims.slice(axis + 1));
  const outer = product(x.dims.slice(0, axis));
  const size = x.dims[axis];
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  checkFolded(describe(node), product(dims));
  const data = like(x.data, product(dims));
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (const wanted of indices.data) {
      const index = wanted < 0 ? wanted + size : wanted;
      if (!(index >= 0 && index < size))
        throw new ThawError(describe(node), `index ${wanted} along an axis of ${size}`, "an index within it");
      const from = (o * size + index) * inner;
      data.set(x.data.subarray(from, from + inner), at);
      at += inner;
    }
  return { ...hostTensor(dims, x.kind, data), ...(x.weight !== undefined && inner > 1 && { weight: x.weight }) };
}

function concatenated(node: OnnxNode, inputs: readonly HostTensor[]): HostTensor {
  const first = inputs[0];
  const axis = axisOf(node, wholeOf(node, "axis", 0), first.dims.length);
  const dims = first.dims.map((d, i) => (i === axis ? inputs.reduce((sum, x) => sum + x.dims[axis], 0) : d));
  checkFolded(describe(node), product(dims));
  const data = like(
    inputs.every((x) => x.data.constructor === first.data.constructor) ? first.data : new Float64Array(),
    product(dims),
  );
  const outer = product(dims.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++)
    for (const x of inputs) {
      const length = product(x.dims.slice(axis));
      data.set(x.data.subarray(o * length, (o + 1) * length), at);
      at += length;
    }
  return hostTensor(dims, first.kind, data);
}

/** Along each axis: first index, step, count. */
function sliced(x: HostTensor, ranges: readonly { begin: number; step: number; count: number }[]): HostTensor {
  const dims = ranges.map((r) => r.count);
  const data = like(x.data, product(dims));
  const strides = x.dims.map((_, i) => product(x.dims.slice(i + 1)));
  const visit = (axis: number, offset: number, at: number): void => {
    if (axis === dims.length) {
      data[at] = x.data[offset];
      return;
    }
    const { begin, step, count } = ranges[axis];
    const inner = product(dims.slice(axis + 1));
    for (let i = 0; i < count; i++) visit(axis + 1, offset + (begin + i * step) * strides[axis], at + i * inner);
  };
  if (data.length > 0) visit(0, 0, 0);
  return { ...hostTensor(dims, x.kind, data), ...(x.weight !== undefined && data.length > 1 && { weight: x.weight }) };
}

const folds: Readonly<Record<string, Fold>> = {
  Constant: (node) => [constant(node)],
  Identity: (_, [x]) => [x!],
  Dropout: (_, [x]) => [x!],
  Shape: (node, [x]) => {
    const rank = x!.dims.length;
    const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
    return [integers(x!.dims.slice(clamp(wholeOf(node, "start", 0)), clamp(wholeOf(node, "end", rank))))];
  },
  Size: (_, [x]) => [integers([product(x!.dims)], [])],
  ConstantOfShape: (node, [shape]) => {
    const dims = Array.from(shape!.data);
    const value = tensorOf(node, "value") ?? hostTensor([1], "float", new Float32Array(1));
    return [repeated(describe(node), { ...value, dims: dims.map(() => 1), data: value.data }, dims)];
  },
  Range: (node, [start, limit, step]) => {
    const [from, to, by] = [start!.data[0], limit!.data[0], step!.data[0]];
    const count = Math.max(Math.ceil((to - from) / by), 0);
    checkFolded(describe(node), count);
    const data = Array.from({ length: count }, (_, i) => from + i * by);
    return [start!.kind === "float" ? hostTensor([count], "float", Float32Array.from(data)) : integers(data)];
  },
  Gather: (node, [x, indices]) => [gathered(node, x!, indices!)],
  Concat: (node, inputs) => [concatenated(node, inputs as readonly HostTensor[])],
  Slice: (node, inputs) => [sliced(inputs[0]!, sliceRanges(node, inputs[0]!.dims, inputs))],
  Split: (node, inputs) => {
    const x = inputs[0]!;
    const axis = axisOf(node, wholeOf(node, "axis", 0), x.dims.length);
    let begin = 0;
    return splitSizes(node, x.dims[axis], inputs[1]).map((count) => {
      const part = sliced(
        x,
        x.dims.map((d, i) => (i === axis ? { begin, step: 1, count } : { begin: 0, step: 1, count: d })),
      );
      begin += count;
      return part;
    });
  },
  Unsqueeze: (node, inputs) => [reshaped(inputs[0]!, targetShape(node, inputs[0]!.dims, inputs))],
  Squeeze: (node, inputs) => [reshaped(inputs[0]!, targetShape(node, inputs[0]!.dims, inputs))],
  Flatten: (node, inputs) => [reshaped(inputs[0]!, targetShape(node, inputs[0]!.dims, inputs))],
  Reshape: (node, inputs) => [reshaped(inputs[0]!, targetShape(node, inputs[0]!.dims, inputs))],
  Transpose: (node, [x]) => {
    const order = numbersOf(node, "perm") ?? x!.dims.map((_, i) => x!.dims.length - 1 - i);
    return [
      {
        ...reshaped(
          x!,
          order.map((p) => x!.dims[p]),
        ),
        data: permuted(x!.data, x!.dims, order),
      },
    ];
  },
  Expand: (node, [x, shape]) => [
    repeated(describe(node), x!, broadcastDims(describe(node), x!.dims, Array.from(shape!.data))),
  ],
  ScatterND: (node, [x, indices, updates]) => {
    const depth = indices!.dims.at(-1)!;
    const inner = product(x!.dims.slice(depth));
    const data = x!.data.slice();
    for (let i = 0; i < product(indices!.dims.slice(0, -1)); i++) {
      let at = 0;
      for (let k = 0; k < depth; k++) {
        const index = indices!.data[i * depth + k];
        at = at * x!.dims[k] + (index < 0 ? index + x!.dims[k] : index);
      }
      if (!(at >= 0 && (at + 1) * inner <= data.length))
        throw new ThawError(describe(node), "an index lies outside", "indices within the tensor");
      data.set(updates!.data.subarray(i * inner, (i + 1) * inner), at * inner);
    }
    return [hostTensor(x!.dims, x!.kind, data)];
  },
};

const reductions: Readonly<Record<string, (values: readonly number[]) => number>> = {
  ReduceProd: (v) => v.reduce((a, b) => a * b, 1),
  ReduceSum: (v) => v.reduce((a, b) => a + b, 0),
  ReduceMax: (v) => Math.max(...v),
  ReduceMin: (v) => Math.min(...v),
  ReduceMean: (v) => v.reduce((a, b) => a + b, 0) / v.length,
  ReduceL1: (v) => v.reduce((a, b) => a + Math.abs(b), 0),
  ReduceL2: (v) => Math.sqrt(v.reduce((a, b) => a + b * b, 0)),
  ReduceSumSquare: (v) => v.reduce((a, b) => a + b * b, 0),
  ReduceLogSum: (v) => Math.log(v.reduce((a, b) => a + b, 0)),
  ReduceLogSumExp: (v) => Math.log(v.reduce((a, b) => a + Math.exp(b), 0)),
};

function reduced(node: OnnxNode, inputs: Inputs): HostTensor {
  const x = inputs[0]!;
  const axes = new Set(axesOf(node, inputs[1], x.dims.length));
  checkFolded(describe(node), product(x.dims));
  const kept = x.dims.map((d, i) => (axes.has(i) ? 1 : d));
  const groups = new Map<number, number[]>();
  x.data.forEach((value: number, at: number) => {
    let [rest, target, stride] = [at, 0, 1];
    for (let i = x.dims.length - 1; i >= 0; i--) {
      if (!axes.has(i)) target += (rest % x.dims[i]) * stride;
      stride *= kept[i];
      rest = Math.floor(rest / x.dims[i]);
    }
    const list = groups.get(target);
    if (list) list.push(value);
    else groups.set(target, [value]);
  });
  const data = like(x.data, product(kept));
  // Of nothing a sum is 0, a product 1, and the largest as small as can be.
  for (let at = 0; at < data.length; at++) data[at] = reductions[node.op](groups.get(at) ?? []);
  return hostTensor(wholeOf(node, "keepdims", 1) ? kept : x.dims.filter((_, i) => !axes.has(i)), x.kind, data);
}

/** Results of such a node with constant inputs, or undefined where the operator is none of these. */
export function foldArrangement(node: OnnxNode, inputs: Inputs): readonly HostTensor[] | undefined {
  if (Object.hasOwn(folds, node.op)) return folds[node.op](node, inputs);
  if (Object.hasOwn(reductions, node.op)) return [reduced(node, inputs)];
  return undefined;
}
