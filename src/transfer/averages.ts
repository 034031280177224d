/** The averaged weights that an optimizer with `useEma` keeps. */
import { ThawError } from "../errors";
import type { Container } from "../nn/model";

/** Exchanges weights and averages, or copies the averages over the weights. */
async function take(model: Container, who: string, exchange: boolean): Promise<void> {
  const state = await model.readTrainingState();
  await model.readWeights();
  const averaged = [...state.slots].filter(([, slots]) => slots.average);
  if (averaged.length === 0)
    throw new ThawError(
      who,
      `${model.name} keeps no averaged weights`,
      "a model that trained with useEma",
      "Compile it with e.g. adam(1e-3, { useEma: true }), and train a step.",
    );
  const slots = new Map(state.slots);
  for (const [parameter, own] of averaged) {
    if (exchange) slots.set(parameter, { ...own, average: parameter.value.slice() });
    parameter.value = own.average;
  }
  model.writeWeights();
  if (exchange) model.writeTrainingState({ ...state, slots });
}

/**
 * Exchanges the weights that were trained with their moving averages, on the GPU and in `parameter.value`; a second call exchanges them
 * back, bit for bit. For evaluation in between; training should go on with the trained ones.
 *
 * @throws without averages.
 */
export const swapAveragedWeights = (model: Container): Promise<void> => take(model, "swapAveragedWeights", true);

/** At the end of training: the averages become the weights, as Keras's `fit` does. The averages stay as they are. */
export const useAveragedWeights = (model: Container): Promise<void> => take(model, "useAveragedWeights", false);
