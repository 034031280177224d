/**
 * Optimizers equal Keras's: twenty steps over given gradients. The arithmetic is that of the float64 references, which the
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
    /** The moving averages after the last step. */
    readonly averages?: Tensors;
  }[];
}

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
    ...(c.clipnorm !== null && { clipnorm: c.clipnorm as number }),
    ...(c.gradient_accumulation_steps !== null && {
      gradientAccumulationSteps: c.gradient_accumulation_steps as number,
    }),
    ...(c.use_ema === true && {
      useEma: true,
      emaMomentum: c.ema_momentum as number,
      ...(c.ema_overwrite_frequency !== null && { emaOverwriteFrequency: c.ema_overwrite_frequency as number }),
    }),
  };
  const momentum = c.momentum as number;
  const betas = {
    beta1: c.beta_1 as number,
    beta2: c.beta_2 as number,
    epsilon: c.epsilon as number,
    amsgrad: c.amsgrad as boolean,
  };
  if (kind === "SGD") return sgd(rate, { ...common, momentum, nesterov: c.nesterov as boolean });
  if (kind === "Adam") return adam(rate, { ...common, ...betas });
  if (kind === "AdamW") return adamW(rate, { ...common, ...betas });
  const { rho, epsilon, centered } = c as { rho: number; epsilon: number; centered: boolean };
  return rmsprop(rate, { ...common, momentum, rho, epsilon, centered });
}

const golden = await readGolden<Goldens>("optimizers");

/** Each tensor in a block of 64, as in the arenas. */
const flat = (tensors: Tensors): Float64Array =>
  Float64Array.from(
    Object.values(tensors).flatMap((place) => {
      const values = golden.tensor(place);
      return Array.from({ length: 64 }, (_, i) => values[i] ?? 0);
    }),
  );

/** Rows of the table: block, factor 1, and 2 for a tensor of one block, plus 1 where it does not decay. */
const tableFor = (name: string) =>
  Float64Array.from(
    Object.keys(golden.json.start).flatMap((tensor, b) => [
      b,
      0x3f800000,
      2 + Number(tensor === "bias" && name.endsWith("decay-without-bias")),
    ]),
  );

type Arrays = Record<string, Float64Array>;

/** What the plan of a step does to the arenas, by the references of its operations. */
function step(optimizer: Optimizer, arrays: Arrays, iteration: number): void {
  const {
    gradientAccumulationSteps: steps = 1,
    clipnorm,
    emaMomentum,
    emaOverwriteFrequency,
  } = optimizer.options ?? {};
  const update = Math.ceil(iteration / steps);
  const { learningRate: rate, effectiveRate } = optimizer;
  const learningRate = typeof rate === "number" ? rate : rate(iteration);
  const values = {
    ...exampleStep,
    iteration,
    learningRate,
    effectiveRate: effectiveRate?.(learningRate, update) ?? learningRate,
  };
  const run = (op: string, attrs: object) =>
    Object.assign(arrays, references.get(op)!.run(attrs as never, arrays, {}, values));
  if (arrays.accumulator) run("meanGradients", { steps });
  arrays.status = Float64Array.of(0, 0, Math.hypot(...arrays.gradients), 0);
  if (clipnorm) run("clipTensors", { steps, limit: clipnorm });
  run(optimizer.op, optimizer.attrs);
  if (arrays.accumulator || arrays.average)
    run("finishUpdate", {
      steps,
      overwrite: emaOverwriteFrequency ?? 0,
      ...(arrays.average && { momentum: emaMomentum }),
    });
}

function expectClose(actual: Float64Array, expected: Float64Array, where: string): void {
  actual.forEach((value, at) => {
    const allowed = 2e-6 * Math.max(1, Math.abs(expected[at]));
    expect(Math.abs(value - expected[at]), `weight ${at} ${where}`).toBeLessThan(allowed);
  });
}

describe("optimizers against Keras", () => {
  for (const { name, optimizer: keras, after, averages } of golden.json.cases) {
    it(name, () => {
      const optimizer = optimizerOf(keras.class_name, keras.config);
      const parameters = flat(golden.json.start);
      const arrays: Arrays = { parameters, table: tableFor(name) };
      for (const slot of optimizer.slots) arrays[slot] = new Float64Array(parameters.length);
      golden.json.gradients.forEach((tensors, i) => {
        arrays.gradients = flat(tensors);
        step(optimizer, arrays, i + 1);
        expectClose(arrays.parameters, flat(after[i]), `after step ${i + 1}`);
      });
      expect(after).toHaveLength(20);
      expect(averages !== undefined).toBe(optimizer.slots.includes("average"));
      if (averages) expectClose(arrays.average, flat(averages), "of the averages");
    });
  }
});
