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
  /** Its numbers lie in the file's memory, and its only reader may keep them there and bring them into another order. */
  readonly own?: boolean;
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

/**
 * Weights of a file that are one number repeated, all together: ONNX's own test networks are stored so (VGG19 has 144 million). They
 * take no memory before they are trained or predicted with, and then as much as stored ones would.
 */
export const maxFilled = 2 ** 28;

/** @throws when folding would make more numbers than any shape arithmetic needs. */
export function checkFolded(who: string, count: number, most = maxFolded): void {
  if (!(count <= most)) throw new ThawError(who, `makes a constant of ${count} numbers`, `at most ${most}`);
}

/** @throws for a tensor that has no elements, where there have to be some. */
export function refuseEmpty(who: string, { dims }: HostTensor): void {
  if (product(dims) === 0)
    throw new ThawError(who, `an operand has the dimensions [${dims.join(", ")}]`, "a tensor with elements");
}

/** Whether a tensor is one number, however often. */
export const isFill = ({ repeats }: HostTensor): boolean => repeats !== undefined && product(repeats.dims) === 1;

/** Strides in elements for broadcasting `dims` to `to`: 0 where it is repeated. */
export function broadcastStrides(dims: readonly number[], to: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let i = dims.length - 1, k = to.length - 1; k >= 0; i--, k--) {
    const size = i >= 0 ? dims[i] : 1;
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

/** Entries of the result's last axis that are written together: a cache line of float32. */
const block = 16;

/**
 * The numbers with axes in another order: axis a of the result is axis `permutation[a]` of the tensor. Weights have millions of
 * elements, so this reads rows of the tensor side by side and writes whole cache lines, instead of jumping for each number.
 */
export function permuted(
  data: Numbers,
  dims: readonly number[],
  permutation: readonly number[],
  result = like(data, data.length),
): Numbers {
  const last = permutation.at(-1);
  if (last === undefined) {
    result.set(data);
    return result;
  }
  const stride = (sizes: readonly number[], axis: number) => product(sizes.slice(axis + 1));
  const to = permutation.map((p) => dims[p]);
  const across = stride(dims, last);
  // All other axes as the tensor has them, the last one running fastest.
  const others = dims.map((_, axis) => axis).filter((axis) => axis !== last && dims[axis] !== 1);
  const from = others.map((axis) => stride(dims, axis));
  const into = others.map((axis) => stride(to, permutation.indexOf(axis)));
  const sizes = others.map((axis) => dims[axis]);
  const count = product(sizes);
  for (let first = 0; first < dims[last]; first += block) {
    const width = Math.min(block, dims[last] - first);
    const index = sizes.map(() => 0);
    let source = first * across;
    let target = first;
    for (let n = 0; n < count; n++) {
      for (let k = 0, s = source; k < width; k++, s += across) result[target + k] = data[s];
      for (let axis = sizes.length - 1; axis >= 0; axis--) {
        source += from[axis];
        target += into[axis];
        if (++index[axis] < sizes[axis]) break;
        index[axis] = 0;
        source -= from[axis] * sizes[axis];
        target -= into[axis] * sizes[axis];
      }
    }
  }
  return result;
}

/** The numbers of a repeated tensor, carried out. */
export function repeated(who: string, base: HostTensor, dims: readonly number[]): HostTensor {
  let made: Numbers | undefined;
  return {
    dims,
    kind: base.kind,
    repeats: base,
    ...(base.weight !== undefined && { weight: base.weight }),
    get data() {
      if (made) return made;
      checkFolded(who, product(dims));
      const result = like(base.data, product(dims));
      walk(dims, [broadcastStrides(base.dims, dims)], (at, [o]) => (result[at] = base.data[o]));
      return (made = result);
    },
  };
}
