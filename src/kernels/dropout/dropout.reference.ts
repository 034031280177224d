import { reference } from "../reference";
import type { StepValues } from "../step";
import type { DropoutAttrs } from "./dropout";

/** The generator of dropout.wgsl in 32-bit integers, so that both draw the same numbers exactly. */
export function pcg(v: number): number {
  const state = (Math.imul(v, 747796405) + 2891336453) >>> 0;
  const word = Math.imul(((state >>> ((state >>> 28) + 4)) ^ state) >>> 0, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Uniform in [0, 1). */
export function counterRandom(
  { seed, iteration }: Pick<StepValues, "seed" | "iteration">,
  salt: number,
  counter: number,
): number {
  const key = pcg((seed ^ pcg((iteration ^ pcg(salt)) >>> 0)) >>> 0);
  return (pcg((counter ^ key) >>> 0) >>> 8) / 16777216;
}

export const dropoutReference = reference<DropoutAttrs>(
  "dropout",
  ({ rate, salt, noiseShape }, { x }, shapes, step) => {
    const shape = shapes.x!;
    const mask = noiseShape ?? shape;
    const counterOf = (i: number) => {
      let counter = 0;
      let stride = 1;
      let rest = i;
      for (let axis = 1; axis <= mask.length; axis++) {
        const position = rest % shape.at(-axis)!;
        rest = Math.floor(rest / shape.at(-axis)!);
        if (mask.at(-axis)! > 1) counter += position * stride;
        stride *= mask.at(-axis)!;
      }
      return counter;
    };
    return { y: x!.map((v, i) => (counterRandom(step, salt, counterOf(i)) >= Math.fround(rate) ? v / (1 - rate) : 0)) };
  },
);
