/** How a loaded model was compiled and where its training stood, where its file tells. */
import { ThawError } from "../../errors";
import type { Objective } from "../../nn/compile/trace";
import type { Optimizer } from "../../nn/compile/update";
import type { Container } from "../../nn/model";
import type { Parameter } from "../../nn/parameter";
import type { TrainingState } from "../../nn/trainer";
import type { StoredTensor } from "../tensors";
import { isObject, type Json } from "./json";
import { slotGroups } from "./save/optimizer-variables";
import { draftModel } from "./save/written-model";
import { writtenLayers } from "./save/written-weights";
import { readLoss, readMetrics, readOptimizer } from "./training-config";

/** What `compile()` and `writeTrainingState()` go on with. */
export interface SavedTraining {
  readonly compile: {
    readonly optimizer: Optimizer;
    /** Absent where the file has none. */
    readonly loss?: Objective;
    readonly metrics: readonly Objective[];
  };
  readonly state: TrainingState;
  /** What the file says beside and Thaw does not carry over, for people: metrics that it has not, state of older formats. */
  readonly leftOut: readonly string[];
}

/** What files hold, not looked at yet: a model whose training nobody continues shall load whatever its loss is. */
export interface TrainingInFile {
  readonly file: string;
  /** `{ optimizer, loss, metrics }` as Keras serialises them. */
  readonly config: Json;
  /** Keras's `optimizer.variables`; undefined for a form that is not known. */
  readonly variables: readonly StoredTensor[] | undefined;
}

const kept = new WeakMap<Container, TrainingInFile & { readonly trainable: ReadonlySet<Parameter> }>();

/** Remembers it with the model, whose flags are those of the file at this moment: they say what the optimizer kept slots for. */
export function keepTraining(model: Container, training: TrainingInFile): void {
  kept.set(model, { ...training, trainable: new Set(model.trainableParameters) });
}

/**
 * How a model was compiled when it was saved, and where its training stood, so that it can go on:
 *
 * @example
 * const model = await loadModel("cats.keras");
 * const training = trainingOf(model);
 * await model.compile({ gpu, ...training?.compile });
 * if (training) model.writeTrainingState(training.state);
 *
 * @returns undefined for a model that was not loaded, or whose file says nothing of training.
 * @throws for an optimizer or loss that Thaw has not, and for state that does not fit the model.
 */
export function trainingOf(model: Container): SavedTraining | undefined {
  const found = kept.get(model);
  if (!found) return undefined;
  const { file, config, variables, trainable } = found;
  const inOrder = writtenLayers(draftModel(model, 3).written).flatMap(({ parameters }) => parameters);
  const leftOut: string[] = [];
  const optimizer = readOptimizer(file, config.optimizer);
  const loss = readLoss(file, config.loss, config.loss_weights);
  const metrics = readMetrics(config.metrics, loss, leftOut);
  if (!variables) leftOut.push("the state of the optimizer, in a form older than Keras 3");
  const state = readState(
    file,
    optimizer,
    variables ?? [],
    inOrder.filter((parameter) => trainable.has(parameter)),
  );
  return { compile: { optimizer, ...(loss && { loss }), metrics }, state, leftOut };
}

/** Iteration, learning rate, and slots in Keras's order; an optimizer that has not run yet has no slots. */
function readState(
  file: string,
  { op, slots }: Optimizer,
  variables: readonly StoredTensor[],
  trainable: readonly Parameter[],
): TrainingState {
  const [iteration, , ...rest] = variables;
  const result = new Map<Parameter, Record<string, Float32Array>>();
  const state = { iteration: iteration?.data[0] ?? 0, slots: result };
  if (rest.length === 0) return state;
  const places = slotGroups(op, slots).flatMap((group) =>
    trainable.flatMap((parameter) => group.map(([slot]) => ({ parameter, slot }))),
  );
  if (places.length !== rest.length)
    throw new ThawError(
      file,
      `its optimizer keeps ${rest.length} tensors`,
      `${places.length}: ${slots.length} for each of the ${trainable.length} trainable weights`,
    );
  for (const [i, { parameter, slot }] of places.entries()) {
    const { shape, data } = rest[i];
    if (shape.join() !== parameter.shape.join())
      throw new ThawError(
        file,
        `its optimizer keeps a tensor of shape [${shape.join(", ")}] for ${parameter.path}`,
        `[${parameter.shape.join(", ")}]`,
      );
    result.set(parameter, { ...result.get(parameter), [slot]: data });
  }
  return state;
}

/** Whether there is anything to remember: files of models that were never compiled have an empty object. */
export const saysTraining = (config: unknown): config is Json => isObject(config) && isObject(config.optimizer);
