/** What an optimizer's options add before and after its own dispatch, over the same arenas; semantics are Keras's. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Operation } from "../operation";
import { wgsl } from "../late-program";

export interface MeanGradientsAttrs {
  /** Steps whose gradients make one change of the weights. */
  readonly steps: number;
}

export interface ClipTensorsAttrs {
  readonly steps: number;
  /** Each tensor's gradient is scaled so that its norm is at most this. */
  readonly limit: number;
}

export interface FinishUpdateAttrs {
  readonly steps: number;
  /** Of the moving average of the weights; absent: no average. */
  readonly momentum?: number;
  /** Every so many changes the weights become their average; 0: never. */
  readonly overwrite: number;
}

type Sized<A> = A & { readonly count: number };
type Finish = Sized<FinishUpdateAttrs> & { readonly parameters: number };

const overFours = ({ count }: { readonly count: number }) => foldWorkgroups(ceilDiv(count / 4, 64));

export const meanGradientsKernel: Kernel<Sized<MeanGradientsAttrs>> = {
  program: wgsl("updates", "mean_gradients"),
  params: ({ count, steps }) => ({ count: count / 4, steps }),
  workgroups: overFours,
  sizes: ({ count }) => ({ gradients: count, accumulator: count }),
  cost: ({ count }) => ({ flops: 2 * count, bytes: 12 * count }),
};

export const clipTensorsKernel: Kernel<Sized<ClipTensorsAttrs>> = {
  program: wgsl("updates", "clip_tensors"),
  params: ({ count, steps, limit }) => ({ blocks: count / 64, steps, limit }),
  workgroups: ({ count }) => foldWorkgroups(count / 64),
  sizes: ({ count }) => ({ gradients: count, table: (count / 64) * 3 }),
  cost: ({ count }) => ({ flops: 3 * count, bytes: 12 * count }),
};

export const finishUpdateKernel: Kernel<Finish> = {
  program: wgsl("updates", "finish_update"),
  overrides: ({ steps, momentum }) => ({ ACCUMULATE: steps > 1, AVERAGE: momentum !== undefined }),
  params: ({ count, steps, momentum = 0, overwrite }) => ({
    count: count / 4,
    steps,
    momentum,
    momentumRest: 1 - momentum,
    overwrite,
  }),
  workgroups: overFours,
  sizes: ({ count, parameters, steps, momentum }) => ({
    parameters,
    gradients: count,
    ...(steps > 1 && { accumulator: count }),
    ...(momentum !== undefined && { average: count }),
    table: (count / 64) * 3,
    status: 4,
  }),
  cost: ({ count }) => ({ flops: 4 * count, bytes: 20 * count }),
};

const same = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

export const meanGradients = operation<MeanGradientsAttrs>({
  name: "meanGradients",
  inputs: ["gradients", "accumulator"],
  outputs: [],
  updates: ["gradients"],
  shapes: () => ({}),
  gradients: {},
  constants: ["gradients", "accumulator"],
  variants: {
    plain: (attrs, { gradients }) => ({
      dispatches: [
        dispatch(meanGradientsKernel, { ...attrs, count: elements(gradients) }, same(["gradients", "accumulator"])),
      ],
    }),
  },
  cases: [1, 2, 3].flatMap((steps) =>
    [64, 192, 64 * 67].map((n) => ({ attrs: { steps }, inputs: { gradients: [n], accumulator: [n] } })),
  ),
});

/** Tensors of so many blocks, one after another; parameters lie in the opposite order, and every second one does not decay. */
function tableOf(tensors: readonly number[]): number[] {
  const blocks = tensors.reduce((sum, n) => sum + n, 0);
  let at = 0;
  return tensors.flatMap((n, t) =>
    Array.from({ length: n }, (_, b) => [blocks - 1 - at++, 0x3f800000, (b === 0 ? 2 * n : 0) + (t % 2)]).flat(),
  );
}

export const clipTensors = operation<ClipTensorsAttrs>({
  name: "clipTensors",
  inputs: ["gradients", "table"],
  outputs: [],
  updates: ["gradients"],
  integers: ["table"],
  shapes: () => ({}),
  gradients: {},
  constants: ["gradients", "table"],
  variants: {
    plain: (attrs, { gradients }) => ({
      dispatches: [dispatch(clipTensorsKernel, { ...attrs, count: elements(gradients) }, same(["gradients", "table"]))],
    }),
  },
  cases: [
    { tensors: [1], limit: 0.5, steps: 1 },
    { tensors: [3, 1, 17], limit: 9, steps: 1 },
    { tensors: [2, 31], limit: 1000, steps: 1 },
    { tensors: [1, 2], limit: 1, steps: 2 },
  ].map(({ tensors, limit, steps }) => {
    const table = tableOf(tensors);
    return {
      attrs: { limit, steps },
      inputs: { gradients: [(table.length / 3) * 64], table: [table.length] },
      fill: { table: (i: number) => table[i] },
    };
  }),
});

function finishCase(attrs: FinishUpdateAttrs, tensors: readonly number[], halted = false): Case<FinishUpdateAttrs> {
  const table = tableOf(tensors);
  const n = (table.length / 3) * 64;
  return {
    attrs,
    inputs: {
      parameters: [n],
      gradients: [n],
      ...(attrs.steps > 1 && { accumulator: [n] }),
      ...(attrs.momentum !== undefined && { average: [n] }),
      table: [table.length],
      status: [4],
    },
    fill: { table: (i) => table[i], status: (i) => (i === 0 ? Number(halted) : 0) },
  };
}

export const finishUpdate = operation<FinishUpdateAttrs>({
  name: "finishUpdate",
  inputs: ["parameters", "gradients", "accumulator?", "average?", "table", "status"],
  outputs: [],
  updates: ["parameters", "accumulator", "average"],
  integers: ["table"],
  shapes: () => ({}),
  gradients: {},
  constants: ["parameters", "gradients", "accumulator", "average", "table", "status"],
  variants: {
    plain: (attrs, { parameters, gradients }) => {
      const problem = { ...attrs, count: elements(gradients), parameters: elements(parameters) };
      const names = Object.keys(finishUpdateKernel.sizes(problem));
      return { dispatches: [dispatch(finishUpdateKernel, problem, same(names))] };
    },
  },
  cases: [
    finishCase({ steps: 2, overwrite: 0 }, [1, 2]),
    finishCase({ steps: 3, overwrite: 0 }, [3]),
    finishCase({ steps: 1, momentum: 0.9, overwrite: 0 }, [1]),
    finishCase({ steps: 1, momentum: 0.99, overwrite: 1 }, [2, 3]),
    finishCase({ steps: 2, momentum: 0.5, overwrite: 2 }, [2, 65]),
    finishCase({ steps: 2, momentum: 0.5, overwrite: 1 }, [2, 1], true),
  ],
});

export const updateOperations: readonly Operation[] = [meanGradients, clipTensors, finishUpdate];
