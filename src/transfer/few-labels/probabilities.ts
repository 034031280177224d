/** What a model says of samples, as probabilities of classes. */
import { formatShape, ThawError } from "../../errors";
import { Graph } from "../../nn/graph";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { logits } from "../inside/expression";

export interface ProbabilityOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /**
   * Logits are divided by it before the softmax: above 1 for networks that are surer than they are right (Guo et al. 2017, "On
   * Calibration of Modern Neural Networks"), and it never changes which class is the likeliest. Default 1.
   */
  readonly temperature?: number;
  /** Whether the model gives logits. Default: what its loss says, or without one whether it ends in a softmax or sigmoid. */
  readonly fromLogits?: boolean;
}

export interface Probabilities {
  /** `[count, classes]` */
  readonly p: Float64Array;
  readonly count: number;
  readonly classes: number;
}

/** Classes that a model tells apart. A single output is the probability of the second of two. */
export function classesOfModel(who: string, model: Container): number {
  const [output] = model.outputs;
  if (model.outputs.length !== 1 || output.shape.length !== 1)
    throw new ThawError(
      who,
      `${model.name} gives ${model.outputs.map((o) => formatShape(o.shape)).join(" and ")}`,
      "one value a class",
      "Pass a classifier.",
    );
  return Math.max(2, output.shape[0]);
}

/** Whether the outputs of a model are logits, as far as it can be told without running it. */
export function givesLogits(model: Container): boolean {
  const loss = model.compiledWith?.loss;
  if (typeof loss?.attrs.fromLogits === "boolean") return loss.attrs.fromLogits;
  const g = new Graph(1);
  const [output] = model.call(g, [g.input("x", [1, ...model.inputShape])], { training: false });
  return logits(g, output) === output;
}

/**
 * Probabilities of all classes for each sample. The model has to be compiled.
 *
 * @throws for models that are no classifiers, and outputs below zero of a model that is said to give probabilities.
 */
export async function classProbabilities(
  who: string,
  model: Container,
  x: Dataset["x"],
  { batchSize, temperature = 1, fromLogits = givesLogits(model) }: ProbabilityOptions,
): Promise<Probabilities> {
  const classes = classesOfModel(who, model);
  if (!(temperature > 0) || !Number.isFinite(temperature))
    throw new ThawError(who, `temperature ${temperature}`, "a number above 0");
  const outputs = await model.predict(x, { ...(batchSize !== undefined && { batchSize }) });
  const width = model.outputs[0].shape[0];
  const bad = outputs.findIndex((v) => !Number.isFinite(v) || (!fromLogits && v < 0));
  if (bad >= 0)
    throw new ThawError(
      who,
      `${model.name} gives ${outputs[bad]} for sample ${Math.floor(bad / width)}`,
      fromLogits ? "finite numbers" : "probabilities, none below 0",
      fromLogits ? "Look at its weights." : "Pass fromLogits: true if these are logits.",
    );
  const count = outputs.length / width;
  const p = new Float64Array(count * classes);
  for (let n = 0; n < count; n++) {
    const own = Array.from(outputs.subarray(n * width, (n + 1) * width));
    p.set(softmax(scoresOf(own, fromLogits), temperature), n * classes);
  }
  return { p, count, classes };
}

/** A finite logarithm also of 0. */
const log = (v: number) => Math.log(Math.max(v, Number.MIN_VALUE));

/** Numbers whose softmax are the probabilities. */
function scoresOf(outputs: readonly number[], fromLogits: boolean): number[] {
  if (outputs.length > 1) return fromLogits ? [...outputs] : outputs.map(log);
  const [v] = outputs;
  return fromLogits ? [0, v] : [log(1 - v), log(v)];
}

function softmax(scores: readonly number[], temperature: number): number[] {
  const top = Math.max(...scores);
  const powers = scores.map((v) => Math.exp((v - top) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / sum);
}
