/** Example problems of operations with two operands. */
import type { Case, Shape } from "../operation";
import type { ArithmeticAttrs, ArithmeticKind } from "./arithmetic";

/** Shapes that broadcast. */
export const pairs: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [
    [3, 7],
    [3, 7],
  ],
  [
    [2, 3, 3, 4],
    [2, 1, 1, 4],
  ],
  [
    [3, 1, 5],
    [1, 4, 5],
  ],
  [[5], [6, 5]],
  [[2, 131], []],
  [
    [2, 3, 2, 2, 3],
    [1, 3, 1, 2, 1],
  ],
  [
    [2, 3, 1, 2, 2, 1, 3],
    [3, 1, 2, 2, 2, 3],
  ],
];

type Fill = Case<unknown>["fill"];

const whole = (k: number) => ((k * 5) % 11) - 5;
const truth = (k: number) => (k % 2 === 0 ? 0 : k);
const notZero = (_: number, random: () => number) => (random() < 0.5 ? -1 : 1) * (0.4 + 2 * random());
const positive = (_: number, random: () => number) => 0.2 + 2 * random();

const fills: Readonly<Record<ArithmeticKind, Fill>> = {
  sub: undefined,
  div: { b: notZero },
  pow: { a: positive },
  min: undefined,
  max: undefined,
  mod: { b: notZero },
  fmod: { b: notZero },
  equal: { a: whole, b: whole },
  less: undefined,
  lessOrEqual: { a: whole, b: whole },
  greater: undefined,
  greaterOrEqual: { a: whole, b: whole },
  and: { a: whole, b: truth },
  or: { a: (k) => k % 3, b: truth },
  xor: { a: whole, b: truth },
  quotient: { b: notZero },
};

/** Whole numbers, for which remainders are exact; powers of negative ones have no differences to compare gradients with. */
const wholeNumbers = (["mod", "fmod", "quotient", "pow"] as const).map((kind) => ({
  attrs: { kind },
  inputs: { a: [11, 1], b: [5] },
  fill: { a: (k: number) => k - 5, b: (k: number) => (kind === "pow" ? k : [3, -3, 2, 5, -7][k]) },
  ...(kind === "pow" && { large: true as const }),
}));

const kinds = Object.keys(fills) as ArithmeticKind[];

export const arithmeticCases: readonly Case<ArithmeticAttrs>[] = [
  ...kinds.flatMap((kind, i) =>
    (kind === "div" ? pairs : [pairs[i % pairs.length], pairs[(i + 3) % pairs.length]]).map(([a, b]) => ({
      attrs: { kind },
      inputs: { a, b },
      fill: fills[kind],
    })),
  ),
  ...wholeNumbers,
];
