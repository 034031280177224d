/**
 * The ONNX graph while it is written: which tensor holds each value of Thaw's graph, and in which order. Values lie as their operator left
 * them until somebody needs another order, so that a network of images turns once at its beginning and once before its classifier,
 * transposes of the model join those of the layout, and reshapes of reshapes are one.
 */
import { ThawError } from "../../../errors";
import type { Shape } from "../../../kernels/operation";
import type { Graph, Value } from "../../../nn/graph";
import { product } from "../host-tensor";
import { Initializers, isStored, type Stored } from "./initializers";
import { TensorNames } from "./names";
import { channelsFirst, commonRuns, isPlain, liesPlain, moving, ordered, plain, same, type Order } from "./order";
import type { SavedAttributes, SavedNode } from "./saved-graph";

/** A tensor that holds a value. */
interface Form {
  readonly name: string;
  readonly order: Order;
  /** The layer whose transpose it is that was not written yet. */
  readonly layer?: string;
}

/** A value's numbers in its own order under other sizes: a reshape that was not written yet. */
interface View {
  readonly name: string;
  readonly dims: Shape;
  readonly layer: string;
}

export class GraphWriter {
  readonly nodes: SavedNode[] = [];
  readonly names = new TensorNames();
  readonly initializers: Initializers;
  /** Path of the layer that is being written. */
  layer = "";
  readonly #forms = new Map<number, Form[]>();
  readonly #views = new Map<number, View>();
  readonly #stored = new Map<number, Stored>();
  #batchSize: string | undefined;

  constructor(
    readonly graph: Graph,
    /** The size that stands for the batch. */
    readonly batch: number,
  ) {
    this.initializers = new Initializers(this.names, batch);
  }

  /** Writes a node with one output, named after its layer. */
  node(op: string, inputs: readonly string[], attributes: SavedAttributes = {}, layer = this.layer): string {
    const name = this.names.take(this.#path(layer, op));
    this.nodes.push({ name, op, inputs: [...inputs], outputs: [name], attributes });
    return name;
  }

  #path(layer: string, last: string): string {
    return layer === "" ? last : `${layer}/${last}`;
  }

  floats(name: string, dims: Shape, data: ArrayLike<number> | (() => Float32Array)): string {
    return this.initializers.floats(this.#path(this.layer, name), dims, data);
  }

  /** One number, as operators take a factor or a bound. */
  scalar(name: string, value: number): string {
    return this.floats(name, [], [value]);
  }

  integers(name: string, values: readonly number[], dims?: Shape, layer = this.layer): string {
    return this.initializers.integers(this.#path(layer, name), values, dims);
  }

  /** Says which tensor holds a value. */
  set(value: Value, name: string, order: Order = plain(value.shape.length), layer?: string): void {
    const list = this.#forms.get(value.id) ?? [];
    list.push({ name, order, ...(layer !== undefined && { layer }) });
    this.#forms.set(value.id, list);
  }

  /** Numbers known before the network runs. */
  storedOf(value: Value): Stored | undefined {
    return isStored(value) ? { source: value, dims: value.shape } : this.#stored.get(value.id);
  }

  /** y is x: whatever holds one holds the other. */
  alias(y: Value, x: Value): void {
    const stored = this.storedOf(x);
    if (stored) this.#stored.set(y.id, stored);
    const view = this.#views.get(x.id);
    if (view) this.#views.set(y.id, view);
    const forms = this.#forms.get(x.id);
    if (forms) this.#forms.set(y.id, [...forms]);
  }

  /** y has the numbers of x under another shape. Nothing is written before y is asked for. */
  reshape(y: Value, x: Value): void {
    const stored = this.storedOf(x);
    if (stored) {
      this.#stored.set(y.id, { source: stored.source, dims: y.shape });
      return;
    }
    const view = this.#views.get(x.id);
    const form = this.#forms.get(x.id)?.find((f) => liesPlain(x.shape, f.order));
    if (form) this.#views.set(y.id, { name: form.name, dims: ordered(x.shape, form.order), layer: this.layer });
    else if (view) this.#views.set(y.id, { ...view, layer: this.layer });
    else if (this.#reshapeInPlace(y, x)) return;
    else this.#views.set(y.id, { name: this.plain(x), dims: x.shape, layer: this.layer });
  }

  /**
   * A reshape that splits or joins dimensions where they lie, e.g. the channels of an image behind the batch, so that a shuffle of channels
   * turns nothing else. Not where an image becomes a sequence or a vector, whose features come last.
   *
   * @returns whether that is another order than the value's own.
   */
  #reshapeInPlace(y: Value, x: Value): boolean {
    if (y.shape.length < 4) return false;
    const { order } = this.#forms.get(x.id)![0];
    const place = (run: { from: number[] }) => Math.min(...run.from.map((d) => order.indexOf(d)));
    const runs = commonRuns(x.shape, y.shape).toSorted((a, b) => place(a) - place(b));
    const [from, to] = [runs.flatMap((r) => r.from), runs.flatMap((r) => r.to)];
    if (liesPlain(y.shape, to)) return false;
    this.set(y, this.resized(this.as(x, from), ordered(x.shape, from), ordered(y.shape, to)), to);
    return true;
  }

  /** A tensor that holds a value's numbers in their own order under these sizes. */
  view(y: Value, name: string, dims: Shape): void {
    this.#views.set(y.id, { name, dims, layer: this.layer });
  }

  /** y has the axes of x in another order. Nothing is written before somebody needs y in an order it does not have. */
  transpose(y: Value, x: Value, permutation: readonly number[]): void {
    if (this.storedOf(x) || !this.#forms.has(x.id)) this.set(x, this.plain(x));
    const [form] = this.#forms.get(x.id)!;
    this.set(
      y,
      form.name,
      form.order.map((d) => permutation.indexOf(d)),
      this.layer,
    );
  }

  /** How a value lies now. */
  orderOf(value: Value): Order {
    const form = this.#forms.get(value.id)?.[0];
    if (form) return form.order;
    // Channels that were pooled, and read as an image of one pixel again.
    const [order, view] = [channelsFirst(value.shape.length), this.#views.get(value.id)];
    return view && same(view.dims, ordered(value.shape, order)) ? order : plain(value.shape.length);
  }

  /** The tensor with a value's axes in their own order. */
  plain(value: Value): string {
    return this.as(value, plain(value.shape.length));
  }

  /** The tensor with a value's axes in this order; a Transpose, or a Reshape where only ones move, if there is none yet. */
  as(value: Value, order: Order): string {
    if (this.storedOf(value)) return this.arranged(value, order, ordered(value.shape, order));
    const { shape } = value;
    const wanted = ordered(shape, order);
    const forms = this.#forms.get(value.id) ?? [];
    const exact = forms.find((f) => same(f.order, order));
    if (exact) return exact.name;
    const alike = forms.find((f) => same(moving(shape, f.order), moving(shape, order)));
    const view = this.#views.get(value.id);
    let name: string;
    if (alike) name = this.resized(alike.name, ordered(shape, alike.order), wanted, alike.layer);
    else if (view && liesPlain(shape, order)) name = this.resized(view.name, view.dims, wanted, view.layer);
    else if (forms.length === 0) {
      if (!view) throw new Error(`${value.name} is read before it is written`);
      name = this.#transposed(this.plain(value), plain(shape.length), order, view.layer);
    } else name = this.#transposed(forms[0].name, forms[0].order, order, forms[0].layer);
    this.set(value, name, order);
    return name;
  }

  #transposed(name: string, from: Order, to: Order, layer = this.layer): string {
    return this.node("Transpose", [name], { perm: to.map((d) => from.indexOf(d)) }, layer);
  }

  /** A tensor of these sizes under others; the batch stays open. */
  resized(name: string, from: Shape, to: Shape, layer = this.layer): string {
    if (same(from, to)) return name;
    if (to.length === 2 && to[0] === from[0]) return this.node("Flatten", [name], { axis: 1 }, layer);
    const open = to.flatMap((d, i) => (d % this.batch === 0 ? [i] : []));
    if (open.length > 1) throw new ThawError(layer, `reshapes to [${to.join(", ")}]`, "the batch in one dimension");
    // 0 keeps the size in this place, so that shape inference knows the batch again.
    const target = to.map((d, i) => (i === open[0] ? (from[i] === d ? 0 : -1) : d));
    return this.node("Reshape", [name, this.integers("shape", target, undefined, layer)], {}, layer);
  }

  /**
   * A value with axes in this order, read as this shape: how weights are brought into ONNX's form. A weight is written once; where it
   * is needed in two forms, nodes make the second of the first.
   */
  arranged(value: Value, order: Order, shape: Shape): string {
    const stored = this.storedOf(value);
    if (!stored) return this.resized(this.as(value, order), ordered(value.shape, order), shape);
    const known = this.initializers.find(stored.source);
    if (!known) return this.initializers.add(stored, order, shape);
    const liesHere = same(known.dims, ordered(stored.dims, order)) && same(known.order, order);
    if (liesHere || (isPlain(known.order) && liesPlain(stored.dims, order)))
      return this.resized(known.name, known.shape, shape);
    // Back to the weight's own order, and from there to the one that is wanted.
    const turned = this.resized(known.name, known.shape, known.dims);
    const own = isPlain(known.order) ? turned : this.#transposed(turned, known.order, plain(known.order.length));
    const back = known.order.map((_, d) => known.dims[known.order.indexOf(d)]);
    const viewed = this.resized(own, back, stored.dims);
    const moved = isPlain(order) ? viewed : this.#transposed(viewed, plain(order.length), order);
    return this.resized(moved, ordered(stored.dims, order), shape);
  }

  /** Operands of an operation with NumPy's broadcasting in one common order: that of the largest, an image's before others. */
  aligned(operands: readonly Value[], rank: number): { names: string[]; order: Order } {
    const whole = operands.filter((v) => v.shape.length === rank && !this.storedOf(v));
    const largest = Math.max(...whole.map((v) => product(v.shape)));
    const orders = whole.filter((v) => product(v.shape) === largest).map((v) => this.orderOf(v));
    const order = orders.find((o) => !isPlain(o)) ?? plain(rank);
    return { names: operands.map((v) => this.broadcast(v, order)), order };
  }

  /** An operand with as many or fewer axes, for a result that lies in this order. */
  broadcast(value: Value, order: Order): string {
    const missing = order.length - value.shape.length;
    if (missing === 0 && !this.storedOf(value)) return this.as(value, order);
    if (isPlain(order)) return this.plain(value);
    const own = order.filter((d) => d >= missing).map((d) => d - missing);
    const sizes = order.map((d) => (d < missing ? 1 : value.shape[d - missing]));
    const first = sizes.findIndex((d) => d !== 1);
    return this.arranged(value, own, first < 0 ? [] : sizes.slice(first));
  }

  /** The size of the batch as a tensor of one number, where a result repeats something for each sample. */
  batchSizeTensor(): string {
    const input = this.graph.values.find((v) => v.role === "input")!;
    this.#batchSize ??= this.node("Shape", [this.#forms.get(input.id)![0].name], { start: 0, end: 1 }, "");
    return this.#batchSize;
  }
}
