/** Draws a network's values anew: the network a user would get by building it instead of importing it. */
import { initialize, randomSource } from "./parameter";
import type { Layer } from "./layer";

/**
 * Forgets what a layer or model has learnt: weights are drawn as its layers draw their first ones (kernels by Glorot's
 * rule, offsets 0, factors 1), and moving statistics start again. Of a compiled model the GPU keeps the old values until
 * `model.writeWeights()`.
 *
 * @param seed the same seed gives the same weights.
 * @example reinitialize(model, 1);  // what training from scratch reaches, for comparison
 */
export function reinitialize(layer: Layer, seed: number): void {
  const random = randomSource(seed);
  for (const p of layer.allParameters()) p.assign(initialize(p.initializer, p.shape, random));
}
