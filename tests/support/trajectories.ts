/**
 * Trajectories: 20 training steps of the embedded network equal Keras's, in losses, gradients, what changed, and what
 * must not change. tools/make_trajectories.py wrote the goldens.
 */
import { describe, expect, it } from "vitest";
import {
  adam,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  makePlan,
  sgd,
  sparseCategoricalCrossentropy,
  type Gpu,
  type Optimizer,
} from "../../src/index";
import type { AdapterTraits } from "../../src/kernels/operation";
import { loadModel } from "../../src/loaders/index";
import { readBytes } from "../setup/files";
import { readGolden, type Golden, type Place } from "./fixtures";
import { forcedVariant, long, neededFeatures, skip, trainedVariants } from "./forced";
import { adapterTraits } from "../../src/nn/adapter-traits";
import { readTiles } from "./sprite";

interface Run {
  readonly losses: readonly number[];
  /** Of each trained tensor: what rounding to 32 bits at every step makes of its change, relative to the change. */
  readonly storageFloor: Readonly<Record<string, number>>;
  /** How far Keras itself strays from its own 64-bit run when it computes in 32 bits. */
  readonly float32Deviation: { readonly changes: Readonly<Record<string, number>> };
  readonly changes: Readonly<Record<string, Place>>;
  /** Their values after the last step. */
  readonly movingStatistics: Readonly<Record<string, Place>>;
}

interface Configuration {
  readonly frozen: readonly string[];
  /** Tensors whose gradient is zero but for rounding (a bias in front of a normalization): nothing to compare with. */
  readonly withoutGradient: readonly string[];
  readonly gradients: Readonly<Record<string, Place>>;
  readonly sgd: Run;
  readonly adam: Run;
}

interface Trajectories {
  readonly batchSize: number;
  readonly upTo: string;
  readonly tiles: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
  readonly head: { readonly kernel: Place; readonly bias: Place };
  readonly configurations: Readonly<Record<string, Configuration>>;
}

const norm = (v: ArrayLike<number>) => Math.sqrt(Array.from(v).reduce((s, x) => s + x * x, 0));
const distance = (a: ArrayLike<number>, b: ArrayLike<number>) => norm(Array.from(a, (x, i) => x - b[i]));

async function buildModel(golden: Golden<Trajectories>): Promise<FunctionalModel> {
  const base = await loadModel(await readBytes("assets/thaw_cifar8.keras"));
  const cut = base.upTo(golden.json.upTo);
  const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(cut.outputs[0]);
  const model = new FunctionalModel({
    inputs: cut.inputs,
    outputs: new Dense({ name: "head", units: 2 }).apply(pooled),
    name: "trajectory",
  });
  const [kernel, bias] = model.getLayer("head").parameters;
  kernel.assign(golden.tensor(golden.json.head.kernel));
  bias.assign(golden.tensor(golden.json.head.bias));
  return model;
}

const loss = () => sparseCategoricalCrossentropy({ fromLogits: true });

const optimizers: Record<"sgd" | "adam", { make: () => Optimizer; tolerance: number }> = {
  sgd: { make: () => sgd(2e-3, { momentum: 0.9 }), tolerance: 1e-2 },
  adam: { make: () => adam(1e-4), tolerance: 5e-2 },
};

type Kind = keyof typeof optimizers;

const configurations = ["allTrainable", "halfFrozen", "headOnly"] as const;
const kinds: readonly Kind[] = ["sgd", "adam"];
const allSteps = 20;

/** Trains as Keras did; after all steps the weights are compared too. `ready` sees the model before the first step. */
async function follow(
  gpu: Gpu,
  name: (typeof configurations)[number],
  kind: Kind,
  steps: number,
  ready?: (model: FunctionalModel, batchSize: number) => void,
): Promise<void> {
  const golden = await readGolden<Trajectories>("trajectories");
  const configuration = golden.json.configurations[name];
  const run = configuration[kind];
  const model = await buildModel(golden);
  model.trainable = true;
  for (const layer of configuration.frozen) model.getLayer(layer).trainable = false;
  const before = new Map(model.allParameters().map((p) => [p, p.value.slice()]));
  await model.compile({ gpu, optimizer: optimizers[kind].make(), loss: loss() });
  try {
    ready?.(model, golden.json.batchSize);
    await checkSteps(model, golden, configuration, run, steps);
    if (steps < allSteps) return;
    await model.readWeights();
    for (const [p, start] of before)
      if (!configuration.withoutGradient.includes(p.path))
        checkParameter(p.path, p.value, start, p.trainable, golden, run, optimizers[kind].tolerance);
  } finally {
    model.dispose();
  }
}

export function trajectorySuite(getGpu: () => Gpu): void {
  for (const name of configurations) {
    for (const kind of kinds) {
      describe(`${name}, ${kind}`, () => {
        it(`${allSteps} steps equal Keras's`, async () => {
          await follow(getGpu(), name, kind, allSteps);
        });
      });
    }
  }
}

/** How far every variant goes: enough to run each of its programs in the ordinary run, everything with THAW_LONG. */
const paths: readonly [name: (typeof configurations)[number], kind: Kind, steps: number][] = long
  ? configurations.flatMap((name) => kinds.map((kind): [typeof name, Kind, number] => [name, kind, allSteps]))
  : [
      ["allTrainable", "sgd", 2],
      ["headOnly", "adam", 1], // forward programs with the epilogues that folding makes
    ];

/** The trajectories with every variant forced in turn, so also those that `select` keeps for other adapters. */
export function variantSuite(getGpu: () => Gpu): void {
  const patience = long ? { timeout: 20 * 60_000 } : {};
  for (const variant of trainedVariants().filter((name) => !forcedVariant || name === forcedVariant)) {
    describe(`with the variant ${variant} wherever there is one`, () => {
      for (const [name, kind, steps] of paths) {
        it(`${name}, ${kind}: steps to ${steps} equal Keras's`, patience, async (context) => {
          const gpu = getGpu();
          const before = gpu.forceVariant;
          gpu.forceVariant = variant;
          try {
            await follow(gpu, name, kind, steps, (model, batchSize) => {
              const reason = whyUnused(model, batchSize, adapterTraits(gpu), variant);
              if (reason) skip(context, `${variant}, ${name}`, reason);
            });
          } finally {
            gpu.forceVariant = before;
          }
        });
      }
    });
  }
}

/** Why a plan has no step of the variant that is forced, or undefined where it has one. */
function whyUnused(
  model: FunctionalModel,
  batchSize: number,
  traits: AdapterTraits,
  variant: string,
): string | undefined {
  const planFor = (adapter: AdapterTraits) =>
    makePlan({ model, batchSize, mode: "train", adapter, loss: loss(), optimizer: optimizers.sgd.make() });
  const missing = neededFeatures(traits, (adapter) => planFor(adapter).steps.some((s) => s.variant === variant));
  if (!missing) return "no step of this plan has such a variant";
  return missing.length > 0 ? `this adapter has no ${missing.join(" and no ")}` : undefined;
}

async function checkSteps(
  model: FunctionalModel,
  golden: Golden<Trajectories>,
  configuration: Configuration,
  run: Run,
  steps: number,
): Promise<void> {
  const { tiles, labels } = golden.json;
  for (const [step, batch] of tiles.slice(0, steps).entries()) {
    const { loss } = await model.trainOnBatch(await readTiles(batch), labels[step]);
    expect(
      Math.abs(loss / run.losses[step] - 1),
      `loss of step ${step + 1}: ${loss}, Keras ${run.losses[step]}`,
    ).toBeLessThan(1e-3);
    if (step > 0) continue;
    const gradients = await model.readGradients();
    const named = new Map([...gradients].map(([p, g]) => [p.path, g]));
    expect([...named.keys()].toSorted()).toEqual(Object.keys(configuration.gradients).toSorted());
    for (const [path, place] of Object.entries(configuration.gradients)) {
      if (configuration.withoutGradient.includes(path)) continue;
      const expected = golden.tensor(place);
      const error = distance(named.get(path)!, expected) / norm(expected);
      expect(error, `first gradient of ${path}`).toBeLessThan(1e-3);
    }
  }
}

function checkParameter(
  path: string,
  now: Float32Array,
  start: Float32Array,
  trainable: boolean,
  golden: Golden<Trajectories>,
  run: Run,
  tolerance: number,
): void {
  const place = run.changes[path];
  const moved = run.movingStatistics[path];
  if (moved) {
    const expected = golden.tensor(moved);
    // A mean that hovers around zero is measured by the deviation of its channel, as the normalization does.
    const variance = run.movingStatistics[path.replace("moving_mean", "moving_variance")];
    const scale = path.endsWith("moving_mean") ? norm(golden.tensor(variance).map(Math.sqrt)) : 0;
    const error = distance(now, expected) / Math.max(distance(expected, start), 0.01 * scale);
    expect(error, `what ${path} moved to`).toBeLessThan(tolerance);
    return;
  }
  if (!place) {
    expect(trainable, `${path} is trained in Thaw and not in Keras`).toBe(false);
    expect(new Uint8Array(now.buffer, now.byteOffset, now.byteLength), `bytes of the frozen ${path}`).toEqual(
      new Uint8Array(start.buffer, start.byteOffset, start.byteLength),
    );
    return;
  }
  const expected = golden.tensor(place);
  const change = now.map((v, i) => v - start[i]);
  // Where 32 bits cannot say it better (Keras's own run in 32 bits strays as far), twice what they can say is allowed. Scales
  // and offsets move by some thousandths only; of them as much is allowed as of Keras's own worst.
  const strays = run.float32Deviation.changes;
  const worst = place.shape.length === 1 ? Math.max(0, ...Object.values(strays)) : 0;
  const floor = Math.max(2 * (run.storageFloor[path] ?? 0), 2 * (strays[path] ?? 0), worst);
  expect(distance(change, expected) / norm(expected), `change of ${path}`).toBeLessThan(Math.max(tolerance, floor));
}
