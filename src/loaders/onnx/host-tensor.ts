/** Tensors on the host: initializers of a file, and what constant folding makes of them. */
import { ThawError } from "../../errors";

/** What arithmetic has to know of a type: integers divide towards zero, truth values are 0 and 1. */
export type Kind = "float" | "int" | "bool";

/** Numbers in C order. */
export type Numbers =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

export interface HostTensor {
  readonly dims: readonly number[];
  readonly kind: Kind;
  /** Decoded when first read; may be as large as the file. */
  readonly data: Numbers;
  /** The initializer that it is, or is a rearrangement of: such a tensor is a weight where a layer owns it. */
  readonly weight?: string;
  /** It repeats this one along dimensions of 1, which is not carried out before somebody needs the numbers. */
  readonly repeats?: HostTensor;
}

export const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1);

export const hostTensor = (dims: readonly number[], kind: Kind, data: Numbers): HostTensor => ({ dims, kind, data });

/** Integers as ONNX's int64: exact in float64 up to 2^53. */
export const integers = (values: readonly number[], dims: readonly number[] = [values.length]): HostTensor =>
  hostTensor(dims, "int", Float64Array.from(values));

export const isHost = (x: unknown): x is HostTensor =>
  typeof x === "object" && x !== null && "dims" in x && "data" in x;

/** Largest constant that folding may make beyond its inputs: shape arithmetic is small, and a shape bomb is not. */
const maxFolded = 2 ** 24;

/** @throws when folding would make more numbers than any shape arithmetic needs. */
export function checkFolded(who: string, count: number): void {
  if (!(count <= maxFolded)) throw new ThawError(who, `makes a constant of ${count} numbers`, `at most ${maxFolded}`);
}

/** Strides in elements for broadcasting `dims` to `to`: 0 where it is repeated. */
export function broadcastStrides(dims: readonly number[], to: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let i = dims.length - 1, k = to.length - 1; k >= 0; i--, k--) {
    const size = i >= 0 ? dims[i]! : 1;
    strides[k] = size === 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

/** @throws when the shapes do not go together. */
export function broadcastDims(who: string, ...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[s.length - rank + i] ?? 1).filter((d) => d !== 1);
    if (sizes.some((d) => d !== sizes[0]))
      throw new ThawError(
        who,
        `operands of shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")}`,
        "equal dimensions, or 1",
      );
    return sizes[0] ?? 1;
  });
}

/** Calls `visit(at, offsets)` for every element of `dims`, with the offset of each operand. */
export function walk(
  dims: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (at: number, offsets: readonly number[]) => void,
): void {
  const count = product(dims);
  const index = dims.map(() => 0);
  const offsets = strides.map(() => 0);
  for (let at = 0; at < count; at++) {
    visit(at, offsets);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      for (let k = 0; k < offsets.length; k++) offsets[k] += strides[k][axis];
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
      for (let k = 0; k < offsets.length; k++) offsets[k] -= strides[k][axis] * dims[axis];
    }
  }
}

/** A new array of the same type. */
export function like(data: Numbers, length: number): Numbers {
  return new (data.constructor as new (length: number) => Numbers)(length);
}

/** Element `at` of the result is element `source(at)`: axis a of the result is axis `permutation[a]` of the tensor. */
export function permuted(data: Numbers, dims: readonly number[], permutation: readonly number[]): Numbers {
  const strides = broadcastStrides(dims, dims).map((s, i) => (dims[i] === 1 ? 0 : s));
  const result = like(data, data.length);
  const to = permutation.map((p) => dims[p]);
  // Without walk's bookkeeping for each operand: weights have millions of elements.
  const steps = permutation.map((p) => strides[p]);
  const index = to.map(() => 0);
  const last = to.length - 1;
  if (last < 0) return Object.assign(result, data);
  let offset = 0;
  for (let at = 0; at < result.length;) {
    for (let i = 0, o = offset; i < to[last]; i++, o += steps[last]) result[at++] = data[o];
    for (let axis = last - 1; axis >= 0; axis--) {
      offset += steps[axis];
      if (++index[axis] < to[axis]) break;
      index[axis] = 0;
      offset -= steps[axis] * to[axis];
    }
  }
  return result;
}

/** The numbers of a repeated tensor, carried out. */
export function repeated(who: string, base: HostTensor, dims: readonly number[]): HostTensor {
  return {
    dims,
    kind: base.kind,
    repeats: base,
    ...(base.weight !== undefined && { weight: base.weight }),
    get data() {
      checkFolded(who, product(dims));
      const result = like(base.data, product(dims));
      walk(dims, [broadcastStrides(base.dims, dims)], (at, [o]) => (result[at] = base.data[o]));
      return result;
    },
  };
}
