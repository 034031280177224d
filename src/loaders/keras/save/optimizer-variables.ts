/** What an optimizer keeps between steps, in the order of Keras's `optimizer.variables`. */
import type { Parameter } from "../../../nn/parameter";
import type { Hdf5Dataset } from "../../hdf5-tree";
import type { TrainedWith } from "../../saved-file";
import type { TrainableWeight } from "./written-weights";
import { presentRate } from "./training-config";

/** Slots that go through all parameters together, with Keras's names. */
type SlotGroup = readonly (readonly [slot: string, name: string])[];

/** What any optimizer may keep, in Keras before its own. */
const common = [
  ["average", "average"],
  ["accumulator", "gradient_accumulator"],
] as const;

/** Keras's names of the slots that an optimizer has; in groups, of which each goes through all parameters before the next does. */
export function slotGroups(op: string, slots: readonly string[]): readonly SlotGroup[] {
  const shared = common.filter(([slot]) => slots.includes(slot));
  const own = slots.filter((slot) => !shared.some(([name]) => name === slot));
  return [...shared.map((slot) => [slot]), ...ownGroups(op, own)];
}

function ownGroups(op: string, slots: readonly string[]): readonly SlotGroup[] {
  switch (op) {
    case "adam": {
      const moments: SlotGroup = [
        ["first", "momentum"],
        ["second", "velocity"],
      ];
      return slots.includes("third") ? [moments, [["third", "velocity_hat"]]] : [moments];
    }
    case "rmsprop":
      return (
        [
          ["second", "velocity"],
          ["first", "momentum"],
          ["third", "average_gradient"],
        ] as const
      )
        .filter(([slot]) => slots.includes(slot))
        .map((slot) => [slot]);
    default:
      return slots.map((slot) => [[slot, "momentum"]]);
  }
}

export interface OptimizerVariable {
  /** "iteration", "learning_rate", or the parameter's name with the slot's behind it. */
  readonly name: string;
  readonly dataset: Hdf5Dataset;
}

/**
 * Iteration, learning rate, then the slots of the parameters that train now, zeros for those that never did. Slots of parameters
 * that are frozen by now have no place in Keras.
 *
 * @param trainable in the order of Keras's `model.trainable_variables`.
 */
export function optimizerVariables(trained: TrainedWith, trainable: readonly TrainableWeight[]): OptimizerVariable[] {
  const { state, compiled } = trained;
  const { op, slots } = compiled.optimizer;
  const value = (parameter: Parameter, slot: string) =>
    state.slots.get(parameter)?.[slot] ?? new Float32Array(parameter.count);
  return [
    { name: "iteration", dataset: { shape: [], data: BigInt64Array.of(BigInt(state.iteration)) } },
    { name: "learning_rate", dataset: { shape: [], data: Float32Array.of(presentRate(trained)) } },
    ...slotGroups(op, slots).flatMap((group) =>
      trainable.flatMap(({ name, parameter, shape }) =>
        group.map(([slot, suffix]) => ({
          name: `${name}_${suffix}`,
          dataset: { shape, data: value(parameter, slot) },
        })),
      ),
    ),
  ];
}
