/** Operators that take entries of tensors by index, repeat them, and put more around them. */
import { ThawError } from "../../../errors";
import { axisOf, describe, numberOf, numbersOf, textOf, wholeOf } from "../attributes";
import { broadcastDims, isHost, product, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { align } from "../layout/align";
import type { Emitter, Operand } from "../layout/emitter";
import { lastAxes, regroup, single } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";
import { sliceRanges } from "../shapes";
import { knownInput, knownInputs, tensorInput, type Emit, type Operators } from "./operator";
import { around, splitInto, takeRange, withinSamples } from "./pieces";

const slice: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  for (let i = 1; i < inputs.length; i++) knownInput(node, inputs, i);
  const dims = dimsOf(x);
  let t = x;
  const ranges = sliceRanges(node, dims, knownInputs(inputs));
  // What has no elements does not depend on the samples.
  if (ranges.some((range) => range.count < 1))
    return [{ dims: ranges.map((range) => Math.max(range.count, 0)), kind: x.kind, data: new Float32Array(0) }];
  ranges.forEach((range, i) => {
    if (range.step === 1 && range.begin === 0 && range.count === dims[i]) return;
    const found = single(e, describe(node), t, i);
    t = takeRange(e, found.t, withinSamples(node, e, found.p), range);
  });
  return [t];
};

/** Entries of one axis by index. One known index is a slice, without its dimension. */
const gather: Emit = (e, node, inputs) => {
  const who = describe(node);
  const [x, indices] = inputs as Operand[];
  if (isHost(x)) return [lookUp(e, node, x, indices as Tensor)];
  const axis = axisOf(node, wholeOf(node, "axis", 0), x.axes.length);
  const same = isHost(indices) ? everything(e, x, axis, indices) : undefined;
  if (same) return [regroup(e, who, x, same)];
  const { t, p } = single(e, who, x, axis);
  withinSamples(node, e, p);
  const size = t.shape[p];
  if (isHost(indices)) {
    const list = Array.from(indices.data, (i) => (i < 0 ? i + size : i));
    const wrong = list.find((i) => !(i >= 0 && i < size));
    if (wrong !== undefined) throw new ThawError(who, `index ${wrong} along an axis of ${size}`, "an index within it");
    const step = list.length > 1 ? list[1] - list[0] : 1;
    if (step !== 0 && list.every((i, k) => i === list[0] + k * step)) {
      const taken = takeRange(e, t, p, { begin: list[0], step, count: list.length });
      return [withDims(taken, axis, indices.dims)];
    }
  }
  const { x: memory, axis: at } = around(e, t, p);
  const places = isHost(indices)
    ? e.g.constant(`${node.name}/indices`, [product(indices.dims)], indices.data)
    : e.whole(indices, [product(dimsOf(indices))]);
  const count = product(isHost(indices) ? indices.dims : dimsOf(indices));
  const value = e.apply("gatherAxis", { axis: at }, { x: memory, indices: places });
  const result = { ...t, value, shape: t.shape.map((d, q) => (q === p ? count : d)) };
  return [withDims(result, axis, isHost(indices) ? indices.dims : dimsOf(indices))];
};

/**
 * PyTorch's exporter writes `as_strided` as a gather from all numbers in a row, batch included. Where the indices count from 0 to the
 * end, that is a reshape; these are its dimensions.
 */
function everything(e: Emitter, x: Tensor, axis: number, indices: HostTensor): number[] | undefined {
  if (e.batch === 1 || x.axes.length !== 1 || axis !== 0 || x.axes[0][0] !== 0) return undefined;
  const count = (dimsOf(x)[0] / e.batch) * e.literalBatch;
  if (product(indices.dims) !== count || indices.dims[0] !== e.literalBatch || !indices.data.every((v, i) => v === i))
    return undefined;
  return [e.batch, ...indices.dims.slice(1)];
}

/** Logical axis `axis`, one memory axis, under these dimensions. */
function withDims(t: Tensor, axis: number, dims: readonly number[]): Tensor {
  const p = t.axes[axis][0];
  const split = splitInto(t, p, dims.length > 0 ? dims : [1]);
  return { ...split, axes: split.axes.flatMap((list, i) => (i === axis ? dims.map((_, k) => [p + k]) : [list])) };
}

/** Rows of a table by index, as embeddings are. */
function lookUp(e: Emitter, node: OnnxNode, table: HostTensor, indices: Tensor): Tensor {
  const axis = axisOf(node, wholeOf(node, "axis", 0), table.dims.length);
  if (axis !== 0) throw new ThawError(describe(node), `looks up along axis ${axis} of a constant`, "axis 0");
  const plain = e.plain(indices);
  const count = product(plain.shape);
  const inner = table.dims.slice(1);
  const value = e.apply("gatherAxis", { axis: 0 }, { x: e.whole(table), indices: e.view(plain.value, [count]) });
  const at = plain.shape.length;
  return {
    value,
    shape: [...plain.shape, ...inner],
    axes: [...plain.axes, ...inner.map((_, i) => [at + i])],
    kind: table.kind,
  };
}

const gatherElements: Emit = (e, node, inputs) => {
  const x = e.plain(tensorInput(e, node, inputs, 0));
  const indices = e.plain(tensorInput(e, node, inputs, 1));
  const axis = axisOf(node, wholeOf(node, "axis", 0), x.axes.length);
  const value = e.apply("gatherElements", { axis: x.axes[axis][0] }, { x: e.memory(x), indices: e.memory(indices) });
  return [{ ...indices, value, kind: x.kind }];
};

const expand: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const shape = Array.from(knownInput(node, inputs, 1)!.data);
  const own = dimsOf(x);
  // A batch that the file says in numbers is the samples'.
  const wanted = shape.map((d, i) =>
    e.batch > 1 && own[own.length - shape.length + i] === e.batch && d === e.literalBatch ? e.batch : d,
  );
  const dims = broadcastDims(describe(node), own, wanted);
  if (product(dims) === product(own))
    return [{ ...x, axes: [...Array.from({ length: dims.length - own.length }, () => []), ...x.axes] }];
  const ones: HostTensor = { dims, kind: x.kind, data: new Float32Array() };
  const { values, layout } = align(e, describe(node), [x, ones], 1);
  return [
    {
      ...layout,
      kind: x.kind,
      value: e.apply("expand", { shape: layout.shape.map((d) => e.size(d)) }, { x: values[0] }),
    },
  ];
};

/** Each repetition is a copy of its own; more of them are no network. */
const maxTiles = 4096;

const tile: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const repeats = Array.from(knownInput(node, inputs, 1)!.data);
  let t = x;
  repeats.forEach((count, i) => {
    if (count === 1) return;
    if (!Number.isInteger(count) || count < 1 || count > maxTiles)
      throw new ThawError(describe(node), `repeats dimension ${i} ${count} times`, `1 to ${maxTiles} times`);
    const found = single(e, describe(node), t, i);
    const p = withinSamples(node, e, found.p);
    const part = around(e, found.t, p);
    const value = e.apply(
      "concatenate",
      { axis: part.axis },
      Object.fromEntries(Array.from({ length: count }, (_, k) => [`x${k}`, part.x])),
    );
    t = { ...found.t, value, shape: found.t.shape.map((d, q) => (q === p ? d * count : d)) };
  });
  return [t];
};

/** Zeros or another number around; negative pads cut off. The border can also repeat or mirror what is inside. */
const pad: Emit = (e, node, inputs) => {
  const who = describe(node);
  const x = tensorInput(e, node, inputs, 0);
  const mode = textOf(node, "mode", "constant");
  const pads = Array.from(knownInput(node, inputs, 1)?.data ?? numbersOf(node, "pads") ?? []);
  const fill = knownInput(node, inputs, 2)?.data[0] ?? numberOf(node, "value", 0);
  const rank = x.axes.length;
  const axes = knownInput(node, inputs, 3)
    ? Array.from(knownInput(node, inputs, 3)!.data, (a) => axisOf(node, a, rank))
    : x.axes.map((_, i) => i);
  let t = x;
  axes.forEach((i, k) => {
    const [before, after] = [pads[k] ?? 0, pads[k + axes.length] ?? 0];
    if (before === 0 && after === 0) return;
    const found = single(e, who, t, i);
    t = padAxis(e, who, found.t, withinSamples(node, e, found.p), before, after, mode, fill);
  });
  return [t];
};

function padAxis(
  e: Emitter,
  who: string,
  x: Tensor,
  p: number,
  before: number,
  after: number,
  mode: string,
  fill: number,
): Tensor {
  const size = x.shape[p];
  if (size + Math.min(before, 0) + Math.min(after, 0) < 1)
    throw new ThawError(who, `cuts ${-before} and ${-after} off a dimension of ${size}`, "less");
  const t = takeRange(e, x, p, {
    begin: Math.max(-before, 0),
    step: 1,
    count: size + Math.min(before, 0) + Math.min(after, 0),
  });
  const [front, back] = [Math.max(before, 0), Math.max(after, 0)];
  const shape = t.shape.map((d, q) => (q === p ? d + front + back : d));
  const { x: memory, axis, shape: view } = around(e, t, p);
  const at = (n: number) => view.map((_, a) => (a === axis ? n : 0));
  const [plus, minus] = [at(front), at(back)];
  if (mode === "constant" && fill === 0)
    return { ...t, shape, value: e.apply("pad", { before: plus, after: minus }, { x: memory }) };
  if (!["constant", "edge", "wrap", "reflect"].includes(mode))
    throw new ThawError(who, `pads in the mode ${JSON.stringify(mode)}`, '"constant", "edge", "reflect" or "wrap"');
  return {
    ...t,
    shape,
    value: e.apply(
      "padMode",
      { mode, before: plus, after: minus, ...(mode === "constant" && { value: fill }) },
      { x: memory },
    ),
  };
}

const cumulative: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const axis = axisOf(node, knownInput(node, inputs, 1)!.data[0], x.axes.length);
  const t = lastAxes(e, describe(node), x, [axis]);
  const attrs = {
    axis: t.shape.length - 1,
    exclusive: wholeOf(node, "exclusive", 0) !== 0,
    reverse: wholeOf(node, "reverse", 0) !== 0,
  };
  return [{ ...t, value: e.apply("cumSum", attrs, { x: e.memory(t) }) }];
};

const space =
  (toDepth: boolean): Emit =>
  (e, node, inputs) => {
    const x = tensorInput(e, node, inputs, 0);
    const b = wholeOf(node, "blocksize");
    const columnsFirst = textOf(node, "mode", "DCR") === "DCR";
    let t = x;
    const part = (i: number, sizes: readonly number[]): number[] => {
      const found = single(e, describe(node), t, i);
      t = splitInto(found.t, found.p, sizes);
      return sizes.map((_, k) => found.p + k);
    };
    if (toDepth) {
      const h = dimsOf(x)[2] / b;
      part(2, [h, b]);
      part(3, [dimsOf(t)[3] / b, b]);
      const [n, c, rows, columns] = t.axes;
      return [{ ...t, axes: [n, [rows[1], columns[1], ...c], [rows[0]], [columns[0]]] }];
    }
    const depth = dimsOf(x)[1] / (b * b);
    part(1, columnsFirst ? [b, b, depth] : [depth, b, b]);
    const [n, c, rows, columns] = t.axes;
    const [bh, bw, d] = columnsFirst ? c : [c[1], c[2], c[0]];
    return [{ ...t, axes: [n, [d], [...rows, bh], [...columns, bw]] }];
  };

export const indexing: Operators = {
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  CumSum: cumulative,
  SpaceToDepth: space(true),
  DepthToSpace: space(false),
};
