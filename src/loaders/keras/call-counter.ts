/** How many calls of layers a model comes to when the models inside are written out. */
import { ThawError } from "../../errors";
import type { Layer } from "../../nn/layer";

/** NASNetLarge has about 1,000. Models that call models ten times over, in ten levels, would have 10^10. */
const maxCalls = 50_000;

/** Calls of the models counted so far; a layer is one. */
const sizes = new WeakMap<Layer, number>();

export class CallCounter {
  #count = 0;

  constructor(
    readonly file: string,
    readonly model: string,
  ) {}

  /** @throws when the model becomes absurdly large. */
  add(layer: Layer): void {
    this.#count += sizes.get(layer) ?? 1;
    if (this.#count > maxCalls)
      throw new ThawError(this.file, `the model ${this.model} calls layers more than ${maxCalls} times`, "a network");
  }

  finish(model: Layer): void {
    sizes.set(model, this.#count + 1);
  }
}
