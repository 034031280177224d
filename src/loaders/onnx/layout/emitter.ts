/** Writes operations for tensors with a layout into a graph; owns the way from ONNX constants to values. */
import type { Shape } from "../../../kernels/operation";
import type { Graph, Value } from "../../../nn/graph";
import { isHost, permuted, product, type HostTensor } from "../host-tensor";
import { dimsOf, renumbered, type Tensor } from "./tensor";

/** A constant brought into the arrangement that an operation reads it in. */
export interface Arrangement {
  /** The constant's numbers under these dimensions, */
  readonly dims: readonly number[];
  /** with axes in this order, */
  readonly order: readonly number[];
  /** read as this shape. */
  readonly shape: Shape;
}

/** Gives the value of a constant: a parameter of the layer where it is a weight. */
export type Constants = (g: Graph, constant: HostTensor, arrangement: Arrangement) => Value;

/** A node's input: computed from samples, or known. */
export type Operand = Tensor | HostTensor;

export class Emitter {
  constructor(
    readonly g: Graph,
    /** Size that stands for the batch in sizes of the import; 1 where there is none (ONNX's tests of single operators). */
    readonly batch: number,
    readonly constants: Constants,
    /** The batch that the file says, where it says a number: reshapes in it say the same. */
    readonly literalBatch = 1,
    /** Samples that the graph has here: more than its batch where each is seen in several views. */
    readonly samples = g.batchSize,
  ) {}

  /** A size of the import, for the graph's batch. */
  size(d: number): number {
    return this.batch > 1 && d % this.batch === 0 ? (d / this.batch) * this.samples : d;
  }

  /** The same memory under another shape, in sizes of the import. */
  view(value: Value, shape: Shape): Value {
    const wanted = shape.map((d) => this.size(d));
    const same = wanted.length === value.shape.length && wanted.every((d, i) => d === value.shape[i]);
    return same ? value : this.g.apply("reshape", { shape: wanted }, { x: value });
  }

  /** The tensor's memory with its memory axes as dimensions. */
  memory(t: Tensor): Value {
    return this.view(t.value, t.shape);
  }

  /**
   * Memory axes in another order, batch first. Writes a transpose of as few axes as will do, and nothing where memory stays as
   * it is.
   */
  permute(t: Tensor, order: readonly number[]): Tensor {
    const shape = order.map((p) => t.shape[p]);
    const axes = renumbered(t.axes, (p) => order.indexOf(p));
    return { ...t, value: this.transpose(t.value, t.shape, order), shape, axes };
  }

  /**
   * A value of this shape with its axes in another order, as one of any shape: runs of axes that stay together count as one, and ones
   * as none.
   */
  transpose(value: Value, shape: Shape, order: readonly number[]): Value {
    const kept = order.filter((p) => shape[p] !== 1);
    const runs: number[][] = [];
    for (const p of kept) {
      const run = runs.at(-1);
      // The batch stays an axis of its own, so that everything made keeps the samples apart.
      if (run && follows(run.at(-1)!, p, shape) && !(run[0] === 0 && this.batch > 1)) run.push(p);
      else runs.push([p]);
    }
    const inMemory = runs.toSorted((a, b) => a[0] - b[0]);
    if (inMemory.every((run, i) => run === runs[i])) return value; // only ones moved
    const x = this.view(
      value,
      inMemory.map((run) => product(run.map((p) => shape[p]))),
    );
    const permutation = runs.map((run) => inMemory.indexOf(run));
    return this.g.apply("transpose", { permutation }, { x });
  }

  /**
   * An operand that does not depend on samples, or a whole tensor of a test: its logical dimensions refined to `dims`, in
   * another order, as a value of that shape.
   */
  arranged(x: Operand, arrangement: Arrangement): Value {
    if (isHost(x)) return this.constants(this.g, x, arrangement);
    const plain = this.plain(x);
    return this.view(this.transpose(plain.value, arrangement.dims, arrangement.order), arrangement.shape);
  }

  /** A whole constant or tensor in ONNX's order under its own dimensions, or others of the same count. */
  whole(x: Operand, shape: Shape = isHost(x) ? x.dims : dimsOf(x)): Value {
    return this.arranged(x, { dims: shape, order: shape.map((_, i) => i), shape });
  }

  /**
   * In ONNX's order, but the batch first wherever it stands: one memory axis for what each logical axis holds beside the
   * batch, and none for ones that belong to nobody.
   */
  plain(t: Tensor): Tensor {
    const inner = t.axes.map((list) => list.filter((p) => p !== 0));
    const owned = [0, ...inner.flat()];
    const free = t.shape.map((_, p) => p).filter((p) => !owned.includes(p));
    const value = this.transpose(t.value, t.shape, [...owned, ...free]);
    const sizes = inner.map((list) => product(list.map((p) => t.shape[p])));
    const axes = t.axes.map((list, i) => {
      const at = list.indexOf(0);
      if (at < 0) return [i + 1];
      if (list.length === 1) return [0];
      return at === 0 ? [0, i + 1] : [i + 1, 0];
    });
    // A logical axis that is the batch and no more needs no memory axis beside it.
    const none = t.axes.findIndex((list) => list.length === 1 && list[0] === 0);
    if (none < 0) return { ...t, value, shape: [t.shape[0], ...sizes], axes };
    const shape = [t.shape[0], ...sizes.filter((_, i) => i !== none)];
    return { ...t, value, shape, axes: renumbered(axes, (p) => (p > none + 1 ? p - 1 : p)) };
  }

  /** An operation with one result, of this layout. */
  apply(op: string, attrs: object, inputs: Readonly<Record<string, Value | undefined>>): Value {
    return this.g.apply(op, attrs, inputs);
  }

  /** An elementwise operation of one tensor, in whatever order it lies. */
  unary(op: string, attrs: object, t: Tensor): Tensor {
    return { ...t, value: this.g.apply(op, attrs, { x: t.value }) };
  }
}

/** Whether axis q comes right after p in memory, when ones are not counted. */
function follows(p: number, q: number, shape: Shape): boolean {
  return q > p && shape.slice(p + 1, q).every((d) => d === 1);
}

/** Whether an arrangement leaves the numbers in the order that they have. */
export function keepsOrder({ dims, order }: Arrangement): boolean {
  const moving = order.filter((p) => dims[p] !== 1);
  return moving.every((p, i) => i === 0 || moving[i - 1] < p);
}

/** A constant's numbers in an arrangement, in memory of their own. */
export function arrange(constant: HostTensor, arrangement: Arrangement): Float32Array {
  const { dims, order } = arrangement;
  const stays = keepsOrder(arrangement);
  const { data } = constant;
  if (!stays && data instanceof Float32Array) return permuted(data, dims, order) as Float32Array;
  const result = new Float32Array(data.length);
  result.set(stays ? data : permuted(data, dims, order));
  return result;
}
