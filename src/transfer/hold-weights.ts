/** Weights put aside in the page's memory, across calls of `fit` (within one, callbacks keep them on the GPU). */
import type { Container } from "../nn/model";

/** Copies of all weights and moving statistics as they are now. @returns what puts them back, on the GPU too. */
export async function holdWeights(model: Container): Promise<() => void> {
  await model.readWeights();
  const held = model.allParameters().map((p) => p.value.slice());
  return () => {
    model.allParameters().forEach((p, i) => p.assign(held[i]));
    model.writeWeights();
  };
}
