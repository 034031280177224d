/** Weights and constants on their way into the file: turned once, where ONNX wants them in another order. */
import { ThawError } from "../../../errors";
import type { Shape } from "../../../kernels/operation";
import type { Value } from "../../../nn/graph";
import { permuted } from "../host-tensor";
import { isPlain, ordered, type Order } from "./order";
import type { SavedTensor } from "./saved-graph";
import type { TensorNames } from "./names";

/** A value whose numbers are known before the network runs, perhaps read under other sizes than its own. */
export interface Stored {
  readonly source: Value;
  readonly dims: Shape;
}

export const isStored = (value: Value): boolean =>
  value.role === "parameter" || value.role === "state" || value.role === "constant";

const numbersOf = (source: Value): Float32Array => source.parameter?.value ?? source.data!;

export class Initializers {
  readonly list: SavedTensor[] = [];
  /** Source -> how it lies in the file. */
  readonly #written = new Map<number, { name: string; dims: Shape; order: Order; shape: Shape }>();

  constructor(
    readonly names: TensorNames,
    readonly batch: number,
  ) {}

  /** The tensor that holds a value, and how it lies there; undefined where it is not in the file yet. */
  find(source: Value) {
    return this.#written.get(source.id);
  }

  /** Writes a value's numbers with axes in this order, read as this shape. */
  add({ source, dims }: Stored, order: Order, shape: Shape): string {
    if (shape.some((d) => d % this.batch === 0))
      throw new ThawError(
        source.name,
        `is a constant of shape [${shape.join(", ").replaceAll(String(this.batch), "batch")}]`,
        "constants without the batch, which a file leaves open",
      );
    const { parameter } = source;
    const name = parameter ? source.name : this.names.take(source.name);
    const data = () => {
      const numbers = numbersOf(source);
      return isPlain(order) ? numbers : (permuted(numbers, dims, order) as Float32Array);
    };
    this.list.push({
      name,
      dims: shape,
      type: "float",
      data,
      ...(parameter && { weight: { parameter, dims, order } }),
    });
    this.#written.set(source.id, { name, dims: ordered(dims, order), order, shape });
    return name;
  }

  /** Numbers that are no weight of the model. */
  floats(wanted: string, dims: Shape, data: ArrayLike<number> | (() => Float32Array)): string {
    const name = this.names.take(wanted);
    this.list.push({
      name,
      dims,
      type: "float",
      data: typeof data === "function" ? data : () => Float32Array.from(data),
    });
    return name;
  }

  integers(wanted: string, values: readonly number[], dims: Shape = [values.length]): string {
    const name = this.names.take(wanted);
    this.list.push({ name, dims, type: "int64", data: () => values });
    return name;
  }
}
