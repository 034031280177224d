/**
 * The contract of a layer: output, all gradients and new statistics equal what Keras 3 computed
 * (tests/fixtures/layers.json, written by tools/make_layer_goldens.py). The same suite runs in the browser and in Node.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import type { Shape } from "../../src/kernels/operation";
import { Graph, type Value } from "../../src/nn/graph";
import type { Layer } from "../../src/nn/layer";
import type { Parameter } from "../../src/nn/parameter";
import { camelCaseKeys } from "../../src/nn/layers/keras-options";
import { createLayer } from "../../src/nn/layers/registry";
import { parseActivation } from "../../src/nn/layers/activations";
import { readBytes } from "../setup/files";
import goldens from "../fixtures/layers.json";
import { runBackward, runForward } from "./run-graph";

interface Place {
  readonly shape: readonly number[];
  readonly offset: number;
}

interface GoldenWeight {
  readonly name: string;
  readonly value: Place;
  /** Of trainable ones. */
  readonly gradient?: Place | null;
  /** Where the call changed it. */
  readonly updated?: Place;
}

interface GoldenCase {
  readonly name: string;
  readonly layer: { readonly class_name: string; readonly config: Record<string, unknown> };
  readonly training: boolean;
  readonly inputs: readonly Place[];
  readonly weights: readonly GoldenWeight[];
  readonly output: Place;
  readonly dOutput: Place;
  readonly dInputs: readonly (Place | null)[];
}

/** Error over the largest value of the tensor that is still rounding: sums of a few hundred f32 products, exp, erf. */
const tolerance = 1e-5;

/** What Keras has and Thaw has not: it has to say so. */
const unknownActivations = ["exponential", "softsign"];

let numbers: Float32Array;

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const at = (place: Place) => numbers.slice(place.offset, place.offset + count(place.shape));

/** What is wrong with a tensor, or nothing. */
function differences(what: string, actual: Float32Array | undefined, place: Place, shape?: Shape): string[] {
  const expected = at(place);
  const received = shape ?? place.shape;
  if (!actual) return [`${what} is missing`];
  if (received.join() !== place.shape.join() || actual.length !== expected.length) {
    return [`${what} has shape [${received.join(", ")}], in Keras [${place.shape.join(", ")}]`];
  }
  const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  const errors = expected.map((v, i) => (Number.isNaN(actual[i]) ? Infinity : Math.abs(actual[i] - v) / largest));
  const worst = errors.reduce((w, error, i) => (error > errors[w] ? i : w), 0);
  if (errors[worst] <= tolerance) return [];
  return [
    `${what}[${worst}] is ${actual[worst]}, in Keras ${expected[worst]}: off by ${errors[worst].toExponential(1)}`,
  ];
}

/** A layer in a graph of its own, as a model would call it. */
export function traceLayer(
  layer: Layer,
  shapes: readonly Shape[],
  training: boolean,
): { g: Graph; inputs: Value[]; output: Value } {
  const g = new Graph(shapes[0][0]);
  layer.ensureBuilt(shapes.map((s) => s.slice(1)));
  const inputs = shapes.map((shape, i) => g.input(`input_${i}`, shape));
  const output = g.within(layer.name, () => layer.call(g, inputs, { training }))[0];
  return { g, inputs, output };
}

async function check(gpu: Gpu, golden: GoldenCase): Promise<string[]> {
  const layer = createLayer(golden.layer.class_name, camelCaseKeys(golden.layer.config));
  const shapes = golden.inputs.map((place) => place.shape);
  layer.ensureBuilt(shapes.map((s) => s.slice(1)));
  const names = layer.parameters.map((p) => p.name).join();
  if (names !== golden.weights.map((w) => w.name).join()) return [`the weights are ${names}`];
  layer.parameters.forEach((p, i) => {
    const { value } = golden.weights[i];
    p.assign(at(value), p.shape.length === 0 ? [] : value.shape); // NumPy has made [1] of a scalar
  });

  const { g, inputs, output } = traceLayer(layer, shapes, golden.training);
  const data = new Map(inputs.map((v, i) => [v.id, at(golden.inputs[i])]));
  await runForward(gpu, g, data);
  const gradients = await runBackward(gpu, g, data, output, at(golden.dOutput));
  return [
    ...differences("output", data.get(output.id), golden.output, output.shape),
    ...golden.dInputs.flatMap((place, i) =>
      place ? differences(`gradient of input ${i}`, gradients.get(inputs[i].id), place, inputs[i].shape) : [],
    ),
    ...golden.weights.flatMap((weight, i) => checkWeight(weight, layer.parameters[i], g, data, gradients)),
  ];
}

type Numbers = ReadonlyMap<number, Float32Array>;

function checkWeight(
  weight: GoldenWeight,
  parameter: Parameter,
  g: Graph,
  data: Numbers,
  gradients: Numbers,
): string[] {
  const { name, gradient, updated } = weight;
  const value = g.values.find((v) => v.parameter === parameter);
  const wrong = parameter.trainable === Boolean(gradient) ? [] : [`${name}: trainable is ${parameter.trainable}`];
  if (gradient)
    wrong.push(...differences(`gradient of ${name}`, value && gradients.get(value.id), gradient, parameter.shape));
  if (value) wrong.push(...differences(`${name} afterwards`, data.get(value.id), updated ?? weight.value));
  else if (updated) wrong.push(`${name} does not change`);
  return wrong;
}

async function checkGelu(gpu: Gpu): Promise<string[]> {
  const golden = goldens.functions.find((f) => f.call.includes("gelu"))!;
  const g = new Graph(1);
  const x = g.input("x", golden.input.shape);
  const y = parseActivation({ className: "gelu", config: { approximate: true } }).emit(g, x);
  const data = new Map([[x.id, at(golden.input)]]);
  await runForward(gpu, g, data);
  const gradients = await runBackward(gpu, g, data, y, at(golden.dOutput));
  const output = differences("output", data.get(y.id), golden.output, y.shape);
  return [...output, ...differences("gradient", gradients.get(x.id), golden.dInput, x.shape)];
}

/** Output and gradient of x = 1 + i / n for a dropout layer in a training step; the incoming gradient is 1. */
async function runDropout(gpu: Gpu, className: string, shape: Shape) {
  const { g, inputs, output } = traceLayer(createLayer(className, { rate: 0.25 }), [shape], true);
  const x = Float32Array.from({ length: count(shape) }, (_, i) => 1 + i / count(shape));
  const data = new Map([[inputs[0].id, x]]);
  await runForward(gpu, g, data);
  const gradients = await runBackward(
    gpu,
    g,
    data,
    output,
    x.map(() => 1),
  );
  return { x, y: data.get(output.id)!, dx: gradients.get(inputs[0].id)! };
}

const isUnknown = ({ layer }: GoldenCase) =>
  layer.class_name === "Activation" && unknownActivations.includes(String(layer.config.activation));

const named = (cases: readonly GoldenCase[]) => cases.map((c): [string, GoldenCase] => [c.name, c]);

export function layerContractSuite(getGpu: () => Gpu): void {
  const cases = goldens.cases as unknown as GoldenCase[];

  beforeAll(async () => {
    numbers = new Float32Array((await readBytes("tests/fixtures/layers.bin")).buffer);
  });

  describe("layers equal Keras's", () => {
    it.each(named(cases.filter((c) => !isUnknown(c))))("%s", async (_, golden) => {
      expect(await check(getGpu(), golden)).toEqual([]);
    });

    it("gelu, approximated by tanh", async () => {
      expect(await checkGelu(getGpu())).toEqual([]);
    });

    it.each(named(cases.filter(isUnknown)))("%s is refused by name", (_, { layer }) => {
      const { activation } = layer.config;
      const make = () => createLayer("Activation", { activation });
      expect(make).toThrow(`the activation "${String(activation)}" is not known`);
    });
  });

  describe("dropout in a training step", () => {
    const shape = [4, 5, 5, 64];
    // The mask of element i is that of element maskAt(i): its own, or the one of its image and channel.
    it.each([
      { className: "Dropout", draws: 6400, maskAt: (i: number) => i },
      { className: "SpatialDropout2D", draws: 256, maskAt: (i: number) => Math.floor(i / 1600) * 1600 + (i % 64) },
    ])("$className drops a quarter, scales the rest, and the gradient alike", async ({ className, draws, maskAt }) => {
      const { x, y, dx } = await runDropout(getGpu(), className, shape);
      const factors = y.map((v, i) => v / x[i]);
      const expected = factors.map((_, i) => (factors[maskAt(i)] === 0 ? 0 : 4 / 3));
      factors.forEach((v, i) => expect(v).toBeCloseTo(expected[i], 5));
      dx.forEach((v, i) => expect(v).toBeCloseTo(expected[i], 5));
      const dropped = y.filter((v) => v === 0).length / y.length;
      // Five deviations of a binomial.
      expect(Math.abs(dropped - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / draws));
    });
  });
}
