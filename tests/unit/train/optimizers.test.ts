/**
 * Optimizers equal Keras's: five steps over given gradients. The arithmetic is that of the float64 references, which the
 * kernel contract holds the GPU to; the step's rates are those that training sends there.
 */
import { describe, expect, it } from "vitest";
import { adam, adamW, rmsprop, sgd, type Optimizer } from "../../../src/index";
import { cosineDecay, exponentialDecay } from "../../../src/transfer/index";
import { exampleStep } from "../../../src/kernels/operation";
import { readGolden, type Place } from "../../support/fixtures";
import { references } from "../../support/references";

type Config = Record<string, number | boolean | null | { class_name: string; config: Record<string, number> }>;
type Tensors = Readonly<Record<string, Place>>;

interface Goldens {
  readonly start: Tensors;
  readonly gradients: readonly Tensors[];
  readonly cases: readonly {
    readonly name: string;
    readonly optimizer: { readonly class_name: string; readonly config: Config };
    readonly after: readonly Tensors[];
  }[];
}

/** What Keras has and Thaw does not, yet. */
const unsupported = ["adam/amsgrad", "sgd/clipnorm", "adamw/clipnorm"];

function rateOf(rate: Config[string]): number | ((step: number) => number) {
  if (typeof rate === "number") return rate;
  const { class_name: kind, config } = rate as { class_name: string; config: Record<string, number> };
  if (kind === "ExponentialDecay")
    return exponentialDecay(config.initial_learning_rate, config.decay_steps, config.decay_rate);
  if (kind !== "CosineDecay") throw new Error(`optimizers.json: schedule ${kind} has no counterpart in this test`);
  return cosineDecay(config.warmup_target, config.decay_steps, {
    alpha: config.alpha,
    warmupSteps: config.warmup_steps,
  });
}

function optimizerOf(kind: string, c: Config): Optimizer {
  const rate = rateOf(c.learning_rate);
  const common = {
    ...(c.weight_decay !== null && { weightDecay: c.weight_decay as number }),
    ...(c.global_clipnorm !== null && { globalClipnorm: c.global_clipnorm as number }),
    ...(c.clipvalue !== null && { clipvalue: c.clipvalue as number }),
  };
  const momentum = c.momentum as number;
  const betas = { beta1: c.beta_1 as number, beta2: c.beta_2 as number, epsilon: c.epsilon as number };
  if (kind === "SGD") return sgd(rate, { ...common, momentum, nesterov: c.nesterov as boolean });
  if (kind === "Adam") return adam(rate, { ...common, ...betas });
  if (kind === "AdamW") return adamW(rate, { ...common, ...betas });
  const { rho, epsilon, centered } = c as { rho: number; epsilon: number; centered: boolean };
  return rmsprop(rate, { ...common, momentum, rho, epsilon, centered });
}

const golden = await readGolden<Goldens>("optimizers");

/** All tensors one after another, filled up to blocks of 64. */
function flat(tensors: Tensors): Float64Array {
  const values = Object.values(tensors).flatMap((place) => [...golden.tensor(place)]);
  return Float64Array.from({ length: Math.ceil(values.length / 64) * 64 }, (_, i) => values[i] ?? 0);
}

describe("optimizers against Keras", () => {
  for (const { name, optimizer: keras, after } of golden.json.cases.filter((c) => !unsupported.includes(c.name))) {
    it(name, () => {
      const optimizer = optimizerOf(keras.class_name, keras.config);
      const reference = references.get(optimizer.op)!;
      let parameters = flat(golden.json.start);
      let slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, new Float64Array(parameters.length)]));
      const one = new Uint32Array(Float32Array.of(1).buffer)[0];
      golden.json.gradients.forEach((tensors, i) => {
        const gradients = flat(tensors);
        const iteration = i + 1;
        const { learningRate: rate, effectiveRate } = optimizer;
        const learningRate = typeof rate === "number" ? rate : rate(iteration);
        const norm = Math.hypot(...gradients);
        const updated = reference.run(
          optimizer.attrs,
          {
            parameters,
            gradients,
            ...slots,
            table: Float64Array.of(0, one, 0),
            status: Float64Array.of(0, 0, norm, 0),
          },
          {},
          {
            ...exampleStep,
            iteration,
            learningRate,
            effectiveRate: effectiveRate?.(learningRate, iteration) ?? learningRate,
          },
        );
        parameters = updated.parameters;
        slots = Object.fromEntries(optimizer.slots.map((slot) => [slot, updated[slot] as Float64Array<ArrayBuffer>]));
        const expected = flat(after[i]);
        parameters.forEach((value, at) => {
          const allowed = 1e-6 * Math.max(1, Math.abs(expected[at]));
          expect(Math.abs(value - expected[at]), `weight ${at} after step ${iteration}`).toBeLessThan(allowed);
        });
      });
    });
  }

  it("knows which of the goldens it leaves out", () => {
    const names = golden.json.cases.map((c) => c.name);
    expect(unsupported.filter((name) => !names.includes(name))).toEqual([]);
  });
});
