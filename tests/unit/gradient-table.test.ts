/** Every entry of every gradient table equals central differences on the float64 reference. */
import { describe, expect, it } from "vitest";
import { elements, exampleStep, type Case, type Operation, type Shape } from "../../src/kernels/operation";
import { findOperation, operations } from "../support/operations";
import { describeCase, drawInputs } from "../support/contract";
import { references } from "../support/references";
import { normal, uniform } from "../support/random";

type Arrays = Record<string, Float64Array>;

const plain = (name: string) => name.replace("?", "");

/** Sum of outputs times their weights: the scalar whose gradient with respect to the inputs is checked. */
function weigh(outputs: Arrays, weights: Arrays): number {
  let sum = 0;
  for (const [name, w] of Object.entries(weights)) for (let i = 0; i < w.length; i++) sum += outputs[name][i] * w[i];
  return sum;
}

/** The entry of an input; a variadic operation has one entry for all. */
const ruleFor = (op: Operation, input: string) => op.gradients[op.variadic ? "x" : input];

/** The gradient with respect to `input` as the table says, all in float64. */
function byTable(
  op: Operation,
  input: string,
  attrs: unknown,
  values: Arrays,
  shapes: Record<string, Shape>,
  cache: Map<string, Arrays>,
): Float64Array {
  const rule = ruleFor(op, input);
  const from = { ...rule.from, ...rule.alternative?.(attrs) };
  const gradientOp = findOperation(rule.op);
  const gradientAttrs = rule.attrs ? rule.attrs(attrs, shapes, input) : attrs;
  const key = `${rule.op} ${JSON.stringify(from)} ${JSON.stringify(gradientAttrs)}`;
  let outputs = cache.get(key);
  if (!outputs) {
    const inputs: Arrays = {};
    const inputShapes: Record<string, Shape> = {};
    for (const [name, source] of Object.entries(from)) {
      const value = values[source] ?? otherRule(op, source, attrs, values, shapes, cache);
      if (!value) continue;
      inputs[name] = value;
      const shape = shapes[source] ?? shapes[source.replace(/^d/, "")] ?? [value.length];
      inputShapes[name] = shape;
    }
    const all = { ...inputShapes, ...gradientOp.shapes(gradientAttrs, inputShapes) };
    outputs = references.get(rule.op)!.run(gradientAttrs, inputs, all, exampleStep);
    cache.set(key, outputs);
  }
  return outputs[rule.output ?? gradientOp.outputs[0]];
}

/** An output of another rule of the same table, e.g. the reductions that batch normalization's dx shares. */
function otherRule(
  op: Operation,
  name: string,
  attrs: unknown,
  values: Arrays,
  shapes: Record<string, Shape>,
  cache: Map<string, Arrays>,
): Float64Array | undefined {
  for (const [input, rule] of Object.entries(op.gradients)) {
    const gradientOp = findOperation(rule.op);
    if (!gradientOp.outputs.includes(name) || Object.values(rule.from).includes(name)) continue;
    byTable(op, input, attrs, values, shapes, cache);
    const from = { ...rule.from, ...rule.alternative?.(attrs) };
    const gradientAttrs = rule.attrs ? rule.attrs(attrs, shapes, input) : attrs;
    return cache.get(`${rule.op} ${JSON.stringify(from)} ${JSON.stringify(gradientAttrs)}`)?.[name];
  }
  return undefined;
}

function check(op: Operation, example: Case<any>, seed: number): void {
  const drawn = drawInputs(op, example, seed);
  const inputs: Arrays = Object.fromEntries(Object.entries(drawn).map(([name, v]) => [name, Float64Array.from(v)]));
  const shapes = { ...example.inputs, ...op.shapes(example.attrs, example.inputs) } as Record<string, Shape>;
  const ref = references.get(op.name)!;
  const copy = () => Object.fromEntries(Object.entries(inputs).map(([name, v]) => [name, v.slice()]));
  const outputs = ref.run(example.attrs, copy(), shapes, exampleStep);
  const random = uniform(seed + 1000);
  // Statistics that a forward pass hands on (mean, invStd) are constants to the caller: only the first output is weighed,
  // and every further one that the table asks the gradient of.
  const asked = new Set(Object.values(op.gradients).flatMap((g) => Object.values(g.from)));
  const weights: Arrays = {};
  for (const name of op.outputs)
    if (asked.has(`d${name}`)) weights[name] = Float64Array.from(outputs[name], () => normal(random));
  const values: Arrays = { ...inputs, ...outputs };
  for (const [name, w] of Object.entries(weights)) values[`d${name}`] = w;
  const cache = new Map<string, Arrays>();
  if (op.loss) weights[op.outputs[0]] = outputs[op.outputs[0]].map((_, __, all) => 1 / all.length);
  for (const input of op.variadic ? Object.keys(inputs) : Object.keys(op.gradients)) {
    if (!inputs[input]) continue;
    const gradient = byTable(op, input, example.attrs, values, shapes, cache);
    expect(gradient.length, `${describeCase(example)}: length of the gradient of ${input}`).toBe(
      elements(example.inputs[input]!),
    );
    // A sample of elements is enough: an error in the table or the reference shows in nearly all of them.
    const stride = Math.max(1, Math.floor(gradient.length / 24));
    for (let i = 0; i < gradient.length; i += stride) {
      const numeric = [1e-5, 3e-6].map((h) => {
        const shifted = (d: number) => {
          const all = copy();
          all[input][i] += d;
          return weigh(ref.run(example.attrs, all, shapes, exampleStep), weights);
        };
        return (shifted(h) - shifted(-h)) / (2 * h);
      });
      // Two step widths that disagree straddle a kink (relu at 0, a tie of max pooling): no derivative to compare there.
      if (Math.abs(numeric[0] - numeric[1]) > 1e-4 * Math.max(1, Math.abs(numeric[0]))) continue;
      const tolerance = 2e-5 * Math.max(1, Math.abs(numeric[0]));
      expect(
        Math.abs(gradient[i] - numeric[0]),
        `${describeCase(example)}: d${input}[${i}] is ${gradient[i]}, differences give ${numeric[0]}`,
      ).toBeLessThan(tolerance);
    }
  }
}

describe("gradient table", () => {
  for (const op of operations) {
    it(`${op.name}: every input has a gradient or is declared constant`, () => {
      for (const input of op.inputs.map(plain)) {
        const declared = input in op.gradients || op.constants?.includes(input);
        expect(declared, `${op.name}.${input}`).toBeTruthy();
      }
    });
    if (Object.keys(op.gradients).length === 0) continue;
    it(`${op.name}: equals central differences`, () => {
      for (const [i, example] of op.cases.entries()) if (!example.large && !example.fused) check(op, example, i + 1);
    });
  }
});
