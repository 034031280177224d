/** Elementwise operations of two operands with broadcasting, and the sums that their gradients need. */
import { activationConstants, type Activation } from "../activation/activation";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Gradient, type Lower, type Operation, type Shape } from "../operation";
import { broadcastShape, joinAxes, named, sameShape, stridesOf, toFive } from "./broadcasting";
import { wgsl } from "../program";

export interface AddAttrs {
  /** Factors of the operands; default 1. */
  readonly scaleA?: number;
  readonly scaleB?: number;
  readonly activation?: Activation;
}

interface Binary extends AddAttrs {
  readonly product: boolean;
  readonly a: Shape;
  readonly b: Shape;
  readonly y: Shape;
}

const perInvocation = 4;
const isSame = (p: Binary) => sameShape(p.a, p.y) && sameShape(p.b, p.y);

export const binaryKernel: Kernel<Binary> = {
  program: wgsl("training", "binary"),
  overrides: (p) => ({
    PRODUCT: p.product,
    SAME: isSame(p),
    FUNCTION: activationConstants(p.activation ?? { kind: "linear" }).code,
  }),
  params: (p) => {
    const { slope, maxValue, threshold } = activationConstants(p.activation ?? { kind: "linear" });
    const { y, operands } = joinAxes(p.y, [p.a, p.b]);
    return {
      count: elements(p.y),
      ...named("d", toFive(y), 1),
      ...named("a", stridesOf(operands[0])),
      ...named("b", stridesOf(operands[1])),
      scaleA: p.scaleA ?? 1,
      scaleB: p.scaleB ?? 1,
      slope,
      maxValue,
      threshold,
    };
  },
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.y), 64 * perInvocation)),
  sizes: (p) => ({ a: elements(p.a), b: elements(p.b), y: elements(p.y) }),
  cost: (p) => ({
    flops: (p.product ? 1 : 3) * elements(p.y),
    bytes: 4 * (elements(p.a) + elements(p.b) + elements(p.y)),
  }),
};

const lowerAs =
  (product: boolean): Lower<AddAttrs> =>
  (attrs, { a, b, y }) => ({
    dispatches: [dispatch(binaryKernel, { ...attrs, product, a: a, b: b, y: y }, { a: "a", b: "b", y: "y" })],
  });

function binary(
  name: "add" | "multiply",
  product: boolean,
  gradients: Operation<AddAttrs>["gradients"],
): Operation<AddAttrs> {
  return operation<AddAttrs>({
    name,
    inputs: ["a", "b"],
    outputs: ["y"],
    shapes: (_, { a, b }) => ({ y: broadcastShape(name, a!, b!) }),
    gradients,
    ...(Object.keys(gradients).length === 0 && { constants: ["a", "b"] }),
    variants: { plain: lowerAs(product) },
    cases: casesOf(name),
  });
}

function casesOf(name: "add" | "multiply"): Case<AddAttrs>[] {
  const pairs: readonly [Shape, Shape][] = [
    [[1], [1]],
    [
      [2, 3, 5, 7],
      [2, 3, 5, 7],
    ],
    [
      [2, 3, 3, 4],
      [2, 1, 1, 4],
    ],
    [
      [3, 1, 5],
      [1, 4, 5],
    ],
    [[6, 5], [5]],
    [
      [2, 1],
      [3, 2, 4],
    ],
    [
      [2, 3, 2, 2, 3],
      [1, 3, 1, 2, 1],
    ],
    [
      [2, 3, 1, 2, 2, 1, 3],
      [3, 1, 2, 2, 2, 3],
    ],
    [[], [2, 3]],
  ];
  return [...pairs.map(([a, b]) => ({ attrs: {}, inputs: { a, b } })), ...(name === "add" ? scaledSums : [])];
}

const scaledSums: readonly Case<AddAttrs>[] = [
  { attrs: { scaleB: -1 }, inputs: { a: [2, 3], b: [2, 3] } },
  { attrs: { scaleA: 0.5, scaleB: 0.25 }, inputs: { a: [2, 3], b: [3] } },
  { attrs: { activation: { kind: "relu" } }, inputs: { a: [2, 9], b: [2, 9] }, fused: true },
];

const sumTo = (operand: "a" | "b", factor: "scaleA" | "scaleB"): Gradient<AddAttrs> => ({
  op: "reduceTo",
  from: { x: "dy" },
  attrs: (attrs, shapes) => ({ shape: shapes[operand]!, scale: attrs[factor] ?? 1 }),
});

/** y = scaleA a + scaleB b: sums, differences, averages. */
export const add = binary("add", false, { a: sumTo("a", "scaleA"), b: sumTo("b", "scaleB") });

const productTo = (operand: "a" | "b"): Gradient<AddAttrs> => ({
  op: "reduceTo",
  from: { x: "dy", other: operand === "a" ? "b" : "a" },
  attrs: (_, shapes) => ({ shape: shapes[operand]!, scale: 1 }),
});

/** y = a b. */
export const multiply = binary("multiply", true, { a: productTo("a"), b: productTo("b") });
