/**
 * Losses whose samples count differently (Keras's sample_weight with its reduction "sum_over_batch_size"): the loss of a sample is multiplied by its
 * weight, and the mean still divides by the number of samples. Each is the loss itself, followed by one small program
 * over what it wrote.
 */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import { losses } from "../losses/losses";
import { elements, operation, type Case, type Lower, type Operation, type Shape } from "../operation";
import { wgsl } from "../late-program";

interface WeighRows {
  readonly count: number;
  readonly samples: number;
}

export const weighRowsKernel: Kernel<WeighRows> = {
  program: wgsl("weighted", "weigh_rows"),
  params: ({ count, samples }) => ({ count, width: count / samples }),
  workgroups: ({ count }) => foldWorkgroups(ceilDiv(count, 64)),
  sizes: ({ count, samples }) => ({ weights: samples, values: count }),
  cost: ({ count, samples }) => ({ flops: count, bytes: 4 * (2 * count + samples) }),
};

/** The name of a loss, or of its gradient, in the form that takes weights. */
export const weightedName = (name: string): string => `weighted${name[0].toUpperCase()}${name.slice(1)}`;

function weigh(values: string, shape: Shape, samples: number): Dispatch {
  return dispatch(weighRowsKernel, { count: elements(shape), samples }, { weights: "weights", values });
}

function weighted(loss: Operation): Operation {
  const name = weightedName(loss.name);
  const variants = Object.fromEntries(
    Object.entries(loss.variants).map(([variant, lower]): [string, Lower<unknown>] => [
      variant,
      (attrs, shapes, adapter) => {
        const { dispatches, scratch } = lower(attrs, shapes, adapter);
        const outputs = loss.shapes(attrs, shapes);
        const samples = elements(shapes.weights);
        const weighing = Object.entries(outputs).map(([output, shape]) => weigh(output, shape, samples));
        return { dispatches: [...dispatches, ...weighing], ...(scratch && { scratch }) };
      },
    ]),
  );
  return operation({
    name,
    inputs: [...loss.inputs, "weights"],
    outputs: loss.outputs,
    ...(loss.loss && { loss: true as const }),
    shapes: (attrs, inputs) => {
      const outputs = loss.shapes(attrs, inputs);
      const { x, weights } = inputs;
      if (!weights || elements(weights) !== x![0])
        throw new ThawError(
          name,
          `weights of shape ${formatShape(weights)} for predictions ${formatShape(x)}`,
          `[${x![0]}]`,
        );
      return outputs;
    },
    gradients: Object.fromEntries(
      Object.entries(loss.gradients).map(([input, { op, from }]) => [
        input,
        { op: weightedName(op), from: { ...from, weights: "weights" } },
      ]),
    ),
    constants: [...(loss.constants ?? []), "weights"],
    variants,
    ...(loss.select && { select: loss.select }),
    cases: loss.cases.map((c): Case<unknown> => {
      const weights = (i: number) => [0, 1, 2.5, 0.25][i % 4];
      return { ...c, inputs: { ...c.inputs, weights: [c.inputs.x![0]] }, fill: { ...c.fill, weights } };
    }),
  });
}

/** Every loss of losses.ts, its gradient, and both at once, with weights. */
export const weightedLosses: readonly Operation[] = losses.map(weighted);
