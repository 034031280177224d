/**
 * Counts of rows, added to from batch to batch with integer atomics: the same sums in whatever order. Metrics that are no means over
 * rows (precision, the area under a curve, calibration) are computed from them once, at the end of a pass.
 */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Operation, type Shape } from "../operation";
import { wgsl } from "../late-program";

export interface CountAttrs {
  /** Labels are class ids instead of one value a class. */
  readonly sparse: boolean;
}

export interface CountOutcomesAttrs extends CountAttrs {
  /** Above it a class is predicted; absent: the likeliest is. */
  readonly threshold?: number;
  /** Without a threshold: what the likeliest has to be beyond in size. -1: nothing, for logits. */
  readonly least: number;
}

export interface CountClassesAttrs extends CountAttrs {
  /** Of a single output: above it is class 1. */
  readonly threshold: number;
}

export interface CountScoresAttrs extends CountAttrs {
  /** Evenly spaced thresholds from 0 to 1, as many as buckets. */
  readonly buckets: number;
}

export interface CountConfidenceAttrs extends CountAttrs {
  readonly bins: number;
}

type Sized<A> = A & { readonly rows: number; readonly outputs: number };

const sizesOf = ({ rows, outputs, sparse }: Sized<CountAttrs>, words: number) => ({
  x: rows * outputs,
  labels: sparse ? rows : rows * outputs,
  counts: words,
});

const costOf = ({ rows, outputs, sparse }: Sized<CountAttrs>) => ({
  flops: rows * outputs,
  bytes: 4 * rows * (outputs + (sparse ? 1 : outputs) + 2),
});

/** Classes that a confusion matrix has: a single output is a yes or no. */
export const classesOfOutputs = (outputs: number): number => (outputs === 1 ? 2 : outputs);

export const outcomeWords = (outputs: number): number => 3 * outputs;
export const classWords = (outputs: number): number => classesOfOutputs(outputs) ** 2;
export const scoreWords = (outputs: number, buckets: number): number => 2 * buckets * outputs;
export const confidenceWords = (bins: number): number => 4 * bins;

export const countOutcomesKernel: Kernel<Sized<CountOutcomesAttrs>> = {
  program: wgsl("counts", "count_outcomes"),
  overrides: ({ sparse, threshold }) => ({ SPARSE: sparse, THRESHOLD: threshold !== undefined }),
  params: ({ rows, outputs, threshold = 0, least }) => ({ rows, classes: outputs, threshold, least }),
  workgroups: ({ rows }) => foldWorkgroups(ceilDiv(rows, 64)),
  sizes: (p) => sizesOf(p, outcomeWords(p.outputs)),
  cost: costOf,
};

export const countClassesKernel: Kernel<Sized<CountClassesAttrs>> = {
  program: wgsl("counts", "count_classes"),
  overrides: ({ sparse }) => ({ SPARSE: sparse }),
  params: ({ rows, outputs, threshold }) => ({ rows, outputs, threshold }),
  workgroups: ({ rows }) => foldWorkgroups(ceilDiv(rows, 64)),
  sizes: (p) => sizesOf(p, classWords(p.outputs)),
  cost: costOf,
};

export const countScoresKernel: Kernel<Sized<CountScoresAttrs>> = {
  program: wgsl("counts", "count_scores"),
  overrides: ({ sparse }) => ({ SPARSE: sparse }),
  params: ({ rows, outputs, buckets }) => ({ count: rows * outputs, classes: outputs, buckets }),
  workgroups: ({ rows, outputs }) => foldWorkgroups(ceilDiv(rows * outputs, 64)),
  sizes: (p) => sizesOf(p, scoreWords(p.outputs, p.buckets)),
  cost: costOf,
};

export const countConfidenceKernel: Kernel<Sized<CountConfidenceAttrs>> = {
  program: wgsl("counts", "count_confidence"),
  overrides: ({ sparse }) => ({ SPARSE: sparse }),
  params: ({ rows, outputs, bins }) => ({ rows, outputs, bins }),
  workgroups: ({ rows }) => foldWorkgroups(ceilDiv(rows, 64)),
  sizes: (p) => sizesOf(p, confidenceWords(p.bins)),
  cost: costOf,
};

/** @param words of the counts that a problem needs. */
function counting<A extends CountAttrs>(
  name: string,
  kernel: Kernel<Sized<A>>,
  words: (attrs: A, outputs: number) => number,
  cases: readonly Case<A>[],
): Operation<A> {
  const bind = { x: "x", labels: "labels", counts: "counts" };
  return operation<A>({
    name,
    inputs: ["x", "labels", "counts"],
    outputs: [],
    updates: ["counts"],
    integers: ["counts"],
    shapes: (attrs, { x, labels, counts }) => {
      const outputs = x?.at(-1) ?? 0;
      const expected = x && elements(x) / (attrs.sparse ? outputs : 1);
      if (!x || !labels || elements(labels) !== expected)
        throw new ThawError(
          name,
          `labels of shape ${formatShape(labels)} for predictions ${formatShape(x)}`,
          attrs.sparse ? "a class id for each row" : "a value for each class",
        );
      if (!counts || elements(counts) !== words(attrs, outputs))
        throw new ThawError(name, `counts of shape ${formatShape(counts)}`, formatShape([words(attrs, outputs)]));
      return {};
    },
    gradients: {},
    constants: ["x", "labels", "counts"],
    variants: {
      plain: (attrs, { x }) => {
        const outputs = x.at(-1)!;
        return { dispatches: [dispatch(kernel, { ...attrs, rows: elements(x) / outputs, outputs }, bind)] };
      },
    },
    cases,
  });
}

const id = (classes: number) => (_: number, random: () => number) => Math.floor(random() * classes);
/** Of few values, so that there are ties; some are 0. */
const steps = (_: number, random: () => number) => Math.floor(5 * random()) / 4;
const probability = (_: number, random: () => number) => Math.min(1, Math.max(0, 1.2 * random() - 0.1));
/** What is there already is added to. */
const before = (i: number) => i % 3;

function example<A extends CountAttrs>(
  attrs: A,
  x: Shape,
  words: number,
  score = probability,
  counts: (i: number) => number = before,
): Case<A> {
  const outputs = x.at(-1)!;
  const labels = attrs.sparse ? x.slice(0, -1) : x;
  return {
    attrs,
    inputs: { x, labels, counts: [words] },
    fill: { x: score, labels: id(attrs.sparse ? outputs : 2), counts },
  };
}

export const countOutcomes = counting("countOutcomes", countOutcomesKernel, (_, outputs) => outcomeWords(outputs), [
  example({ sparse: true, least: 1e-9 }, [1, 2], 6),
  example({ sparse: true, least: 1e-9 }, [64, 3], 9, steps),
  example({ sparse: true, least: -1 }, [65, 5], 15, (_, random) => random() - 0.5),
  example({ sparse: false, least: 1e-9 }, [67, 4], 12, steps),
  example({ sparse: false, least: 1e-9, threshold: 0.5 }, [37, 3], 9, steps),
  example({ sparse: false, least: 1e-9, threshold: 0.25 }, [130, 1], 3, steps),
]);

export const countClasses = counting("countClasses", countClassesKernel, (_, outputs) => classWords(outputs), [
  example({ sparse: true, threshold: 0.5 }, [1, 2], 4),
  example({ sparse: true, threshold: 0.5 }, [64, 3], 9, steps),
  example({ sparse: false, threshold: 0.5 }, [65, 7], 49),
  example({ sparse: false, threshold: 0.5 }, [131, 1], 4, steps),
  example({ sparse: false, threshold: 0 }, [13, 1], 4, (_, random) => random() - 0.5),
]);

export const countScores = counting(
  "countScores",
  countScoresKernel,
  ({ buckets }, outputs) => scoreWords(outputs, buckets),
  [
    example({ sparse: false, buckets: 2 }, [1, 1], 4),
    example({ sparse: false, buckets: 200 }, [97, 1], 400),
    example({ sparse: false, buckets: 5 }, [64, 3], 30, steps),
    example({ sparse: true, buckets: 11 }, [65, 4], 88, (_, random) => 1.4 * random() - 0.2),
  ],
);

export const countConfidence = counting("countConfidence", countConfidenceKernel, ({ bins }) => confidenceWords(bins), [
  example({ sparse: true, bins: 1 }, [1, 2], 4),
  example({ sparse: true, bins: 15 }, [129, 3], 60),
  example({ sparse: false, bins: 4 }, [64, 5], 16, steps),
  example({ sparse: false, bins: 10 }, [65, 1], 40),
  // The low word is about to overflow.
  example({ sparse: false, bins: 1 }, [9, 1], 4, steps, (i) => (i === 2 ? 2 ** 32 - 2 ** 24 : 0)),
]);

export const countOperations: readonly Operation[] = [countOutcomes, countClasses, countScores, countConfidence];
