/** Matrix products: with weights of a layer, and between two tensors as in attention. */
import { formatShape, ThawError } from "../../../errors";
import { describe, flagOf, numberOf } from "../attributes";
import { isHost, product, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { commonFactors } from "../layout/align";
import type { Emitter, Operand } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, renumbered, type Tensor } from "../layout/tensor";
import { combine } from "./elementwise";
import { constantTensor, tensorInput, type Emit, type Operators } from "./operator";

const operandDims = (x: Operand): readonly number[] => (isHost(x) ? x.dims : dimsOf(x));

/** x [..., K] times a matrix [K, N], which is stored [N, K] where `transposed`; b has N entries. */
export function timesMatrix(
  e: Emitter,
  node: OnnxNode,
  x: Tensor,
  w: Operand,
  transposed: boolean,
  b?: Operand,
): Tensor {
  const who = describe(node);
  const dims = operandDims(w);
  const [k, n] = transposed ? [dims[1], dims[0]] : [dims[0], dims[1]];
  const t = lastAxes(e, who, x, [x.axes.length - 1]);
  if (t.shape.at(-1) !== k)
    throw new ThawError(
      who,
      `multiplies ${formatShape(dimsOf(x))} by a matrix of ${k} rows`,
      `${k} in the last dimension`,
    );
  const matrix = e.arranged(w, { dims, order: transposed ? [1, 0] : [0, 1], shape: [k, n] });
  const bias = b && e.whole(b, [n]);
  const value = e.apply("matmul", {}, { x: e.memory(t), w: matrix, b: bias });
  return { value, shape: [...t.shape.slice(0, -1), n], axes: t.axes, kind: t.kind };
}

/** Whether an operand has no axes but two: a matrix that does not depend on samples (or a test's whole input). */
const isMatrix = (e: Emitter, x: Operand): boolean => operandDims(x).length === 2 && (isHost(x) || e.batch === 1);

const matMul: Emit = (e, node, [a, b]) => {
  const who = describe(node);
  const [p, q] = [operandDims(a!).length, operandDims(b!).length];
  if (p === 0 || q === 0) throw new ThawError(who, "multiplies by a number", "tensors with at least one dimension");
  if (p >= 2 && a && isMatrix(e, b!) && !isHost(a)) return [timesMatrix(e, node, a, b!, false)];
  // Vectors are matrices with one row or one column, which the result has not.
  const left = p === 1 ? withOne(e, a!, 0) : asTensor(e, a!);
  const right = q === 1 ? withOne(e, b!, 1) : asTensor(e, b!);
  const y = timesTensor(e, who, left, right);
  const drop = new Set([...(p === 1 ? [y.axes.length - 2] : []), ...(q === 1 ? [y.axes.length - 1] : [])]);
  return [{ ...y, axes: y.axes.filter((_, i) => !drop.has(i)) }];
};

const asTensor = (e: Emitter, x: Operand): Tensor => (isHost(x) ? constantTensor(e, x) : x);

function withOne(e: Emitter, x: Operand, at: 0 | 1): Tensor {
  const t = asTensor(e, x);
  return { ...t, axes: at === 0 ? [[], ...t.axes] : [...t.axes, []] };
}

/** [..., M, K] times [..., K, N] with the leading dimensions in common, in the order in which a has them in memory. */
export function timesTensor(e: Emitter, who: string, a: Tensor, b: Tensor): Tensor {
  const lead = Math.max(a.axes.length, b.axes.length) - 2;
  let left = padded(a, lead);
  let right = padded(b, lead);
  const [da, db] = [dimsOf(left), dimsOf(right)];
  if (da.at(-1) !== db.at(-2) || !da.slice(0, lead).every((d, i) => d === db[i] || d === 1 || db[i] === 1))
    throw new ThawError(
      who,
      `multiplies ${formatShape(dimsOf(a))} by ${formatShape(dimsOf(b))}`,
      "fitting matrices with equal leading dimensions, or 1",
    );
  for (let i = 0; i < lead; i++) {
    const found = commonFactors(e, who, [left, right], i);
    left = found.tensors[0]!;
    right = found.tensors[1]!;
  }
  // A factor that lies the other way round is read transposed, so that whole rows move.
  const swapX = liesSwapped(left, lead);
  const swapW = liesSwapped(right, lead);
  left = lastAxes(e, who, left, swapX ? [lead + 1, lead] : [lead, lead + 1]);
  right = lastAxes(e, who, right, swapW ? [lead + 1, lead] : [lead, lead + 1]);
  const slots = leadingSlots(left, right, lead);
  const shape = slots.map((s) => s.size);
  const x = spread(e, left, slots, "left");
  const w = spread(e, right, slots, "right");
  const [m, n] = [left.shape.at(swapX ? -1 : -2)!, right.shape.at(swapW ? -2 : -1)!];
  const value = e.apply("matmul", { ...(swapX && { transposeX: true }), ...(swapW && { transposeW: true }) }, { x, w });
  const axes = Array.from({ length: lead }, (_, i) => slots.flatMap((s, at) => (s.i === i ? [at] : [])));
  return { value, shape: [...shape, m, n], axes: [...axes, [slots.length], [slots.length + 1]], kind: a.kind };
}

/** Whether the last logical axis lies before the one in front of it. */
const liesSwapped = (t: Tensor, lead: number): boolean => {
  const [row, column] = [t.axes[lead].at(-1), t.axes[lead + 1].at(-1)];
  return row !== undefined && column !== undefined && column < row;
};

const padded = (t: Tensor, lead: number): Tensor => ({
  ...t,
  axes: [...Array.from({ length: lead + 2 - t.axes.length }, () => []), ...t.axes],
});

/** A leading memory axis of both factors; -1 where one of them repeats along it. */
interface LeadingSlot {
  readonly i: number;
  readonly size: number;
  readonly left: number;
  readonly right: number;
}

function leadingSlots(left: Tensor, right: Tensor, lead: number): LeadingSlot[] {
  const slots: LeadingSlot[] = [];
  for (let p = 0; p < left.shape.length - 2; p++) {
    const i = left.axes.findIndex((list) => list.includes(p));
    const size = left.shape[p];
    if (p === 0) slots.push({ i, size, left: 0, right: 0 });
    else if (size !== 1) slots.push({ i, size, left: p, right: own(right, i)[own(left, i).indexOf(p)] ?? -1 });
  }
  for (let i = 0; i < lead; i++) {
    if (own(left, i).length > 0) continue;
    own(right, i).forEach((p) => {
      if (p !== 0) slots.push({ i, size: right.shape[p], left: -1, right: p });
    });
  }
  return slots;
}

const own = (t: Tensor, i: number): number[] => (i < 0 ? [] : t.axes[i].filter((p) => t.shape[p] !== 1));

/** One factor with all leading axes; one that repeats is written out, because a product reads equal ones. */
function spread(e: Emitter, t: Tensor, slots: readonly LeadingSlot[], side: "left" | "right") {
  const rank = t.shape.length;
  const order = slots.flatMap((s) => (s[side] >= 0 ? [s[side]] : []));
  const used = new Set([...order, rank - 2, rank - 1]);
  const ones = t.shape.flatMap((_, p) => (used.has(p) ? [] : [p]));
  const value = e.transpose(t.value, t.shape, [...order, ...ones, rank - 2, rank - 1]);
  const matrix = t.shape.slice(-2);
  const shape = [...slots.map((s) => (s[side] >= 0 ? t.shape[s[side]] : 1)), ...matrix];
  const full = [...slots.map((s) => s.size), ...matrix];
  const narrow = e.view(value, shape);
  return product(shape) === product(full)
    ? narrow
    : e.apply("expand", { shape: full.map((d) => e.size(d)) }, { x: narrow });
}

/** alpha * A' * B' + beta * C (ONNX Gemm); C of one entry a column joins the product. */
const gemm: Emit = (e, node, inputs) => {
  const [alpha, beta] = [numberOf(node, "alpha", 1), numberOf(node, "beta", 1)];
  const x = tensorInput(e, node, inputs, 0);
  const a = flagOf(node, "transA") ? { ...x, axes: [x.axes[1], x.axes[0]] } : x;
  const [, b, c] = inputs;
  const n = operandDims(b!)[flagOf(node, "transB") ? 0 : 1];
  const joins =
    c !== undefined &&
    alpha === 1 &&
    beta === 1 &&
    product(operandDims(c)) === n &&
    operandDims(c).at(-1) === n &&
    (isHost(c) || e.batch === 1);
  const y =
    isHost(b!) || e.batch === 1
      ? timesMatrix(e, node, a, b!, flagOf(node, "transB"), joins ? c : undefined)
      : timesTensor(e, describe(node), a, flagOf(node, "transB") ? swapped(b!) : b!);
  const scaled = alpha === 1 ? y : e.unary("affine", { scale: alpha, offset: 0 }, y);
  if (c === undefined || joins || beta === 0) return [scaled];
  const sum = combine(e, node, [scaled, c], (p, q) =>
    e.apply("add", beta === 1 ? {} : { scaleB: beta }, { a: p, b: q }),
  );
  return [sum];
};

const swapped = (t: Tensor): Tensor => ({ ...t, axes: renumbered([t.axes[1], t.axes[0]], (p) => p) });

/** A product and the row that is added to it, which patterns make of MatMul and Add. */
const linear: Emit = (e, node, [x, w, b]) => [timesMatrix(e, node, x as Tensor, w as HostTensor, false, b)];

export const products: Operators = { MatMul: matMul, Gemm: gemm, Linear: linear };
