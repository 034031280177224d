/** Layers made so far and how their outputs lie; what all makers of layers use. */
import { ThawError } from "../../../errors";
import type { Layer } from "../../../nn/layer";
import type { Parameter } from "../../../nn/parameter";
import { connect, type SymbolicTensor } from "../../../nn/symbolic";
import { Reshape } from "../../../nn/layers/shape-layers";
import { describe } from "../attributes";
import { batchSize } from "../evaluate";
import { checkFolded, isFill, isHost, maxFilled, permuted, product, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { arrange, keepsOrder, type Arrangement } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, type Layout, type Tensor } from "../layout/tensor";
import { OnnxOperation, type Write } from "../onnx-operation";
import { Names } from "./names";

/** A layer's output and how ONNX's dimensions lie in it. */
export interface Built {
  readonly symbolic: SymbolicTensor;
  readonly layout: Layout;
}

export type Known = Built | HostTensor;

export const isBuilt = (x: Known | undefined): x is Built => x !== undefined && !isHost(x);

/** An image as layers of images take it: [batch, height, width, channels]. */
export const imageAxes = [[0], [3], [1], [2]] as const;

export class Builder {
  readonly names: Names;
  readonly #values = new Map<string, Known>();
  /** Holds one weight while it is brought into another order where it lies. */
  #scratch = new Float32Array(0);
  /** Numbers of weights that are one number repeated. */
  #filled = 0;

  /**
   * @param read names of all values that a node or the model's caller reads.
   * @param own whether the file is one of Thaw's, where names of nodes begin with those of layers.
   */
  constructor(
    readonly literalBatch: number,
    readonly read: ReadonlySet<string>,
    own = false,
  ) {
    this.names = new Names(own);
  }

  /** Whether anything but its first output is read: layers have only one. */
  givesMore(node: OnnxNode): boolean {
    return node.outputs.slice(1).some((output) => this.read.has(output));
  }

  get(name: string): Known | undefined {
    return name === "" ? undefined : this.#values.get(name);
  }

  set(name: string, value: Known): void {
    this.#values.set(name, value);
  }

  inputs(node: OnnxNode): (Known | undefined)[] {
    return node.inputs.map((input) => this.get(input));
  }

  /** A constant input, or undefined where it is computed or left out. */
  constant(node: OnnxNode, i: number): HostTensor | undefined {
    const x = this.get(node.inputs[i] ?? "");
    if (x === undefined || !isHost(x)) return undefined;
    // Before a layer allocates a weight for what stands in the file as one number and a shape.
    if (x.repeats) checkFolded(describe(node), product(x.dims), isFill(x) ? maxFilled - this.#filled : undefined);
    return x;
  }

  /** A computed input, or undefined. */
  tensor(node: OnnxNode, i: number): Built | undefined {
    const x = this.get(node.inputs[i] ?? "");
    return isBuilt(x) ? x : undefined;
  }

  /** A layer on an input that lies as the layer wants it; its output lies the same way, in the layer's own sizes. */
  apply(
    layer: Layer,
    inputs: SymbolicTensor | readonly SymbolicTensor[],
    axes: Layout["axes"],
    options: { training?: boolean } = {},
  ): Built {
    const [symbolic] = connect(layer, "layer" in inputs ? [inputs] : inputs, options);
    return { symbolic, layout: { shape: [batchSize, ...symbolic.shape], axes, kind: "float" } };
  }

  /** An operator as a layer of its own, or, where it writes nothing, as another reading of its input. */
  operation(node: OnnxNode, inputs: readonly (Known | undefined)[], name?: string, write?: Write): Built[] {
    const built = inputs.filter(isBuilt);
    const specs = inputs.map((x) => (isBuilt(x) ? x.layout : x));
    const options = { node, inputs: specs, literalBatch: this.literalBatch };
    // Without a name yet: most reshapes and transposes turn out not to be layers.
    const trial = new OnnxOperation({ ...options, name: node.name, trial: true }, write);
    trial.ensureBuilt(built.map((b) => b.symbolic.shape));
    if (!trial.writes)
      return trial.outputs.map(({ layout, through }) => {
        if (through < 0)
          throw new ThawError(
            describe(node),
            "gives something else than its inputs without computing it",
            "an operator that computes",
          );
        return { symbolic: built[through].symbolic, layout };
      });
    const weights = inputs.map((x) => (isBuilt(x) ? undefined : x));
    const named = name === undefined ? this.names.of(node, weights) : this.names.take(name);
    const layer = new OnnxOperation({ ...options, name: named }, write);
    const outputs = connect(
      layer,
      built.map((b) => b.symbolic),
      {},
    );
    return layer.outputs.map(({ layout }, i) => ({ symbolic: outputs[i], layout }));
  }

  /**
   * The tensor with the batch first and these logical axes behind it, each one axis: as layers take it. A Reshape where memory is in
   * that order already, else a transpose.
   */
  bring(node: OnnxNode, x: Built, logical: readonly number[]): SymbolicTensor {
    const write: Write = (e, [t]) => [lastAxes(e, describe(node), t as Tensor, logical)];
    const label = { ...node, op: "Transpose" };
    const [moved] = this.operation(label, [x], `${node.name.replaceAll("/", ".").replace(/^\./, "")}_layout`, write);
    const target = logical.map((i) => dimsOf(x.layout)[i]);
    if (product(moved.layout.shape) !== batchSize * product(target))
      throw new ThawError(describe(node), "its input holds the batch in more than one dimension", "[batch, ...]");
    const now = moved.symbolic.shape;
    if (now.length === target.length && now.every((d, i) => d === target[i])) return moved.symbolic;
    const name = this.names.take(`${moved.symbolic.layer.name}_reshape`);
    return new Reshape({ name, targetShape: target }).apply(moved.symbolic);
  }

  /** Gives a parameter a constant's numbers, in another order where one is given: where they lie if they may stay, else a copy. */
  fill(parameter: Parameter | undefined, constant: HostTensor, arrangement?: Arrangement): void {
    if (!parameter) return;
    if (isFill(constant) && product(constant.dims) === parameter.count) {
      const [number] = constant.repeats!.data;
      this.#filled += parameter.count;
      parameter.defer(() => new Float32Array(parameter.count).fill(number));
      return;
    }
    const { data, own } = constant;
    if (data.length !== parameter.count)
      throw new ThawError(parameter.path, `received ${data.length} numbers`, `${parameter.count}`);
    const stays = !arrangement || keepsOrder(arrangement);
    if (own && data instanceof Float32Array) parameter.value = stays ? data : this.#reordered(data, arrangement);
    else parameter.value = stays ? Float32Array.from(data) : arrange(constant, arrangement);
  }

  #reordered(data: Float32Array, { dims, order }: Arrangement): Float32Array {
    if (this.#scratch.length < data.length) this.#scratch = new Float32Array(data.length);
    const copy = this.#scratch.subarray(0, data.length);
    copy.set(data);
    permuted(copy, dims, order, data);
    return data;
  }

  /** An image input, [height, width, channels]. */
  image(node: OnnxNode, x: Built): SymbolicTensor {
    return this.bring(node, x, [2, 3, 1]);
  }
}
