import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { Settings } from "./settings";
import { UnaryLayer } from "./unary";

/** y = x * scale + offset with one number for all, or one for each entry of the last dimension. */
export function scaleAndOffset(
  g: Graph,
  who: string,
  x: Value,
  scale: readonly number[],
  offset: readonly number[],
): Value {
  if (scale.length === 1 && offset.length === 1)
    return g.apply("affine", { scale: scale[0], offset: offset[0] }, { x });
  const channels = x.shape.at(-1)!;
  const vector = (name: string, numbers: readonly number[]) => {
    if (numbers.length !== 1 && numbers.length !== channels) {
      const happened = `${name} has ${numbers.length} numbers for an input of shape ${formatShape(x.shape)}`;
      throw new ThawError(who, happened, `one, or ${channels} for the last dimension`);
    }
    return g.constant(
      `${who}/${name}`,
      [channels],
      Array.from({ length: channels }, (_, i) => numbers[i % numbers.length]),
    );
  };
  return g.apply("channelAffine", {}, { x, scale: vector("scale", scale), shift: vector("offset", offset) });
}

/** As Keras writes it: one number, or a list. */
export const oneOrAll = (numbers: readonly number[]) => (numbers.length === 1 ? numbers[0] : numbers);

export interface RescalingOptions extends LayerOptions {
  /** One number, or one a channel. */
  readonly scale: number | readonly number[];
  /** One number, or one a channel; default 0. */
  readonly offset?: number | readonly number[];
}

/**
 * y = x * scale + offset: how most pretrained networks want their pixels.
 *
 * Input `[batch, ..., channels]`, output the same. No weights: `trainable` changes nothing.
 *
 * @example new Rescaling({ scale: 1 / 127.5, offset: -1 })  // 0..255 -> -1..1
 */
export class Rescaling extends UnaryLayer {
  readonly className = "Rescaling";
  readonly scale: readonly number[];
  readonly offset: readonly number[];

  constructor(options: RescalingOptions) {
    super(options);
    const read = new Settings(this.className, options);
    if (options.scale === undefined) throw read.refuse("scale", "a number, or one for each channel");
    this.scale = read.numbers("scale", 1);
    this.offset = read.numbers("offset", 0);
  }

  protected forward(g: Graph, x: Value): Value {
    return scaleAndOffset(g, this.name, x, this.scale, this.offset);
  }

  config(): Record<string, unknown> {
    return { scale: oneOrAll(this.scale), offset: oneOrAll(this.offset) };
  }
}
