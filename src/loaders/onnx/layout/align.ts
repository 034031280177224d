/** Broadcasting between tensors that lie differently: all brought into the order of the largest, with ones where they repeat. */
import type { Value } from "../../../nn/graph";
import { broadcastDims, isHost, product, refuseEmpty, type HostTensor, type Kind } from "../host-tensor";
import type { Emitter, Operand } from "./emitter";
import { single } from "./regroup";
import { dimsOf, splitAxis, type Layout, type Tensor } from "./tensor";

/** One memory axis of the result: factor k of logical axis i, or an axis of 1 that belongs to nobody. */
interface Slot {
  readonly i: number;
  readonly k: number;
  readonly size: number;
}

export interface Aligned {
  /** One for each operand: equal sizes, or 1. */
  readonly values: readonly Value[];
  /** How the result lies; its memory may be grouped further. */
  readonly layout: Omit<Layout, "kind">;
}

/** Axes that the engine's operations with broadcasting walk. */
const maxAxes = 5;

/**
 * @param count operands behind these are only for their dimensions; they have no value.
 * @throws when the dimensions do not go together. At least one operand is a tensor.
 */
export function align(e: Emitter, who: string, operands: readonly Operand[], count = operands.length): Aligned {
  for (const x of operands) if (isHost(x)) refuseEmpty(who, x);
  const hosts = operands.map((x) => (isHost(x) && x.repeats ? x.repeats : x));
  const dims = broadcastDims(who, ...hosts.map((x) => (isHost(x) ? x.dims : dimsOf(x))));
  const rank = dims.length;
  let tensors = hosts.map((x) => (isHost(x) ? undefined : withRank(x, rank)));
  const factors = dims.map((_, i) => {
    const found = commonFactors(e, who, tensors, i);
    tensors = found.tensors;
    return found.sizes.length > 0 || dims[i] === 1 ? found.sizes : [dims[i]];
  });
  const reference = tensors.reduce<Tensor | undefined>(
    (best, t) => (t && (!best || product(t.shape) > product(best.shape)) ? t : best),
    undefined,
  )!;
  const slots = slotsOf(reference, factors);
  const shapes: number[][] = [];
  const values = hosts.map((x, n) => {
    const t = tensors[n];
    const own = isHost(x) ? hostDims(x, rank) : dimsOf(t!);
    const shape = slots.map(({ i, size }) => (i >= 0 && own[i] === 1 ? 1 : size));
    shapes.push(shape);
    return { x, t, shape };
  });
  const groups = slots.length > maxAxes ? runsOf(shapes) : slots.map((_, s) => [s]);
  return {
    values: values.slice(0, count).map(({ x, t, shape }) =>
      valueOf(
        e,
        x,
        t,
        slots,
        factors,
        groups.map((g) => product(g.map((s) => shape[s]))),
      ),
    ),
    layout: {
      shape: slots.map((s) => s.size),
      axes: dims.map((_, i) =>
        slots
          .flatMap((s, at) => (s.i === i ? [{ k: s.k, at }] : []))
          .toSorted((a, b) => a.k - b.k)
          .map(({ at }) => at),
      ),
    },
  };
}

const hostDims = (x: HostTensor, rank: number): number[] => [
  ...Array.from({ length: rank - x.dims.length }, () => 1),
  ...x.dims,
];

const withRank = (t: Tensor, rank: number): Tensor => ({
  ...t,
  axes: [...Array.from({ length: rank - t.axes.length }, () => []), ...t.axes],
});

/** Memory axes of logical axis i that all tensors can have: splits where one has a product of another's. */
export function commonFactors(
  e: Emitter,
  who: string,
  tensors: readonly (Tensor | undefined)[],
  i: number,
): { tensors: (Tensor | undefined)[]; sizes: number[] } {
  const sizesOf = (t: Tensor) => t.axes[i].map((p) => t.shape[p]).filter((d) => d !== 1);
  const involved = tensors.filter((t) => t !== undefined && sizesOf(t).length > 0) as Tensor[];
  const sizes = involved.map(sizesOf).reduce<number[] | undefined>((a, b, n) => (n === 0 ? b : a && refined(a, b)), []);
  if (sizes) return { tensors: tensors.map((t) => (t && sizesOf(t).length > 0 ? splitTo(t, i, sizes) : t)), sizes };
  const joined = tensors.map((t) => (t && sizesOf(t).length > 0 ? single(e, who, t, i).t : t));
  return { tensors: joined, sizes: [product(sizesOf(involved[0]))] };
}

/** Coarsest factors that both lists are made of; undefined where boundaries do not divide, as in 4 * 6 and 3 * 8. */
function refined(a: readonly number[], b: readonly number[]): number[] | undefined {
  const result: number[] = [];
  const [left, right] = [[...a], [...b]];
  while (left.length > 0 && right.length > 0) {
    const [x, y] = [left[0], right[0]];
    const step = Math.min(x, y);
    if (Math.max(x, y) % step !== 0) return undefined;
    result.push(step);
    if (x === step) left.shift();
    else left[0] = x / step;
    if (y === step) right.shift();
    else right[0] = y / step;
  }
  return result;
}

/** Logical axis i with these factors; its memory axes of 1 leave it. */
function splitTo(t: Tensor, i: number, sizes: readonly number[]): Tensor {
  let now: Tensor = { ...t, axes: t.axes.map((list, k) => (k === i ? list.filter((p) => t.shape[p] !== 1) : list)) };
  let at = 0;
  for (let n = 0; n < now.axes[i].length;) {
    const p = now.axes[i][n];
    const own: number[] = [];
    while (product(own) < now.shape[p]) own.push(sizes[at++]);
    if (own.length > 1) now = splitAxis(now, p, own);
    n += own.length;
  }
  return now;
}

/** Memory axes of the result: those of the reference, and where it has a dimension of 1, what the others have there. */
function slotsOf(reference: Tensor, factors: readonly (readonly number[])[]): Slot[] {
  const placed = new Set<number>();
  const slots: Slot[] = reference.shape.flatMap((size, p): Slot[] => {
    const i = reference.axes.findIndex((list) => list.includes(p));
    if (i < 0) return size === 1 && p !== 0 ? [] : [{ i, k: 0, size }];
    if (size !== 1 || factors[i].length === 0) {
      placed.add(i);
      // Ones inside an axis with factors have left it; what is here is in order.
      return [{ i, k: reference.axes[i].indexOf(p), size }];
    }
    if (placed.has(i)) return [];
    placed.add(i);
    return factors[i].map((f, k) => ({ i, k, size: f }));
  });
  factors.forEach((list, i) => {
    if (!placed.has(i)) list.forEach((size, k) => slots.push({ i, k, size }));
  });
  return slots;
}

/** Runs of neighbouring axes along which each operand either repeats or does not. */
function runsOf(shapes: readonly (readonly number[])[]): number[][] {
  const rank = shapes[0].length;
  const pattern = (s: number) => shapes.map((shape) => (shape[s] === 1 ? 1 : 0)).join("");
  const runs: number[][] = [];
  for (let s = 0; s < rank; s++) {
    const run = runs.at(-1);
    // The batch stays by itself.
    if (run && run[0] !== 0 && (pattern(run[0]) === pattern(s) || shapes.every((shape) => shape[s] === 1))) run.push(s);
    else runs.push([s]);
  }
  return runs;
}

function valueOf(
  e: Emitter,
  x: Operand,
  t: Tensor | undefined,
  slots: readonly Slot[],
  factors: readonly (readonly number[])[],
  shape: number[],
): Value {
  if (!isHost(x)) {
    const own = slots.map(({ i, k }, s) =>
      i < 0 ? (s === 0 ? 0 : -1) : (t!.axes[i].filter((p) => t!.shape[p] !== 1 || factors[i].length === 0)[k] ?? -1),
    );
    const used = own.filter((p) => p >= 0);
    const rest = t!.shape.map((_, p) => p).filter((p) => !used.includes(p));
    // Ones come last; the view below forgets them.
    return e.view(e.transpose(t!.value, t!.shape, [...used, ...rest]), shape);
  }
  const dims = hostDims(x, factors.length);
  const refinedDims = dims.flatMap((d, i) => (d === 1 ? [1] : factors[i]));
  const starts = dims.map((_, i) => dims.slice(0, i).reduce((sum, d, k) => sum + (d === 1 ? 1 : factors[k].length), 0));
  const order = slots.flatMap(({ i, k }) => (i < 0 || dims[i] === 1 ? [] : [starts[i] + k]));
  const ones = refinedDims.map((_, p) => p).filter((p) => !order.includes(p));
  const first = shape.findIndex((d) => d !== 1);
  return e.arranged(x, { dims: refinedDims, order: [...order, ...ones], shape: first < 0 ? [1] : shape.slice(first) });
}

/** The kind of a result of arithmetic. */
export const kindOfAll = (operands: readonly Operand[]): Kind =>
  operands.some((x) => x.kind === "float") ? "float" : operands[0].kind;
