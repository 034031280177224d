/** Parts that are made of the operations that a layer writes: what is known of each value, and the few layers that arrange it. */
import type { SampleShape } from "../../../../nn/layer";
import type { Part, PartInput } from "../parts";

/** A tensor for each sample. */
export interface Tensor {
  readonly input: PartInput;
  readonly sample: SampleShape;
}

/** Numbers that are the same for every sample; the first dimension is the batch's, and 1. */
export interface Constant {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export type Known = Tensor | Constant;

export const isTensor = (known: Known): known is Tensor => "input" in known;

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** One number, or as many as there are. */
const numbers = (data: ArrayLike<number>): number | number[] => {
  const list = Array.from(data);
  return list.every((v) => v === list[0]) ? list[0] : list;
};

export class PartBuilder {
  readonly parts: Part[] = [];

  add(
    className: string,
    config: Part["config"],
    inputs: readonly Tensor[],
    sample: SampleShape,
    more: Partial<Part> = {},
  ): Tensor {
    const suffix = className.toLowerCase();
    this.parts.push({ suffix, className, config, inputs: inputs.map((t) => t.input), shape: sample, ...more });
    return { input: this.parts.length - 1, sample };
  }

  /** Parts that read one tensor, "x0", and each other. */
  addAll(parts: readonly Part[], x: Tensor, sample: SampleShape): Tensor {
    const offset = this.parts.length;
    for (const part of parts) {
      const inputs = part.inputs.map((input) =>
        input === "x0" ? x.input : typeof input === "number" ? input + offset : input,
      );
      this.parts.push({ ...part, inputs, shape: part.shape ?? sample });
    }
    return { input: this.parts.length - 1, sample };
  }

  reshape(x: Tensor, sample: SampleShape): Tensor {
    return sameShape(x.sample, sample) ? x : this.add("Reshape", { target_shape: sample }, [x], sample);
  }

  /** @param order which dimension of a sample each one is, from 0. */
  permute(x: Tensor, order: readonly number[]): Tensor {
    if (order.every((p, i) => p === i)) return x;
    return this.add(
      "Permute",
      { dims: order.map((p) => p + 1) },
      [x],
      order.map((p) => x.sample[p]),
    );
  }

  /** Entries from `begin` on, `length` of them, along a dimension of a sample: a Cropping2D, with the dimension brought into its place. */
  crop(x: Tensor, axis: number, begin: number, length: number): Tensor {
    const end = x.sample[axis] - begin - length;
    if (begin === 0 && end === 0) return x;
    const cut = x.sample.map((d, a) => (a === axis ? length : d));
    const image = x.sample.length === 3 && axis < 2;
    const flat = image
      ? x
      : this.reshape(x, [product(x.sample.slice(0, axis)), x.sample[axis], product(x.sample.slice(axis + 1))]);
    const rows = image && axis === 0;
    const cropping = [rows ? [begin, end] : [0, 0], rows ? [0, 0] : [begin, end]];
    const shape = flat.sample.map((d, a) => (a === (rows ? 0 : 1) ? length : d));
    return this.reshape(this.add("Cropping2D", { cropping, data_format: "channels_last" }, [flat], shape), cut);
  }

  /** x * scale + offset with constants of any shape that broadcasts to the sample's. */
  affine(x: Tensor, scale: Constant, offset: Constant): Tensor {
    const perChannel = [scale, offset].every(({ shape }) => product(shape.slice(0, -1)) === 1);
    const target = perChannel ? x.sample.slice(-1) : x.sample;
    const config = {
      scale: numbers(broadcast(scale, target)),
      offset: numbers(broadcast(offset, target)),
    };
    const single = !Array.isArray(config.scale) && !Array.isArray(config.offset);
    if (perChannel || single) return this.add("Rescaling", config, [x], x.sample);
    const flat = this.reshape(x, [product(x.sample)]);
    return this.reshape(this.add("Rescaling", config, [flat], flat.sample), x.sample);
  }

  /** A constant as a tensor: some numbers of the samples times 0, with the constant's added. */
  materialise(constant: Constant, sample: SampleShape, like: Tensor): Tensor | undefined {
    const count = product(sample);
    if (product(like.sample) < count) return undefined;
    const some = this.crop(this.reshape(like, [product(like.sample)]), 0, 0, count);
    const offset = { data: broadcast(constant, sample), shape: [1, count] };
    return this.reshape(this.affine(some, scalar(0), offset), sample);
  }
}

export const scalar = (value: number): Constant => ({ data: Float32Array.of(value), shape: [1] });

/** The constant's numbers for each place of a sample. */
export function broadcast({ data, shape }: Constant, sample: SampleShape): Float32Array {
  if (data.length === 1) return new Float32Array(product(sample)).fill(data[0]);
  const own = shape.slice(Math.max(0, shape.length - sample.length));
  const sizes = sample.map((_, i) => own[i - (sample.length - own.length)] ?? 1);
  const strides = sizes.map((size, i) => (size === 1 ? 0 : product(sizes.slice(i + 1))));
  const result = new Float32Array(product(sample));
  for (let i = 0; i < result.length; i++) {
    let rest = i;
    let at = 0;
    for (let a = sample.length - 1; a >= 0; a--) {
      at += (rest % sample[a]) * strides[a];
      rest = Math.floor(rest / sample[a]);
    }
    result[i] = data[at];
  }
  return result;
}
