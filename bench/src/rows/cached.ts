/**
 * Training the head on features that the frozen base computed once.
 *
 * `step/.../cached` is `fit` of the whole network with `cacheFeatures`. It stands beside TF.js's step of the head, because TF.js has no cache of features: that is what its users
 * pay for the same training. `step/.../dense` is the same training where every system is handed the features.
 */
import { Dense, Sequential, type Container, type Dataset } from "../../../src/index";
import { counting, watchMemory } from "../measure/counts";
import { countIds, countRows, countSteadyStep, peakRow, repeatData, scaled } from "../measure/step-counts";
import { interleave, type Contestant } from "../measure/timing";
import type { Network } from "../networks/layers";
import { relativeError } from "../random";
import { ratioOf, type Measured, type Row } from "../result";
import { JaxHead, jaxArray, jaxFinished, type JaxArray } from "../systems/jaxjs";
import { PacedFit } from "../systems/paced-fit";
import { buildThaw, compileThaw, freeze } from "../systems/thaw";
import { startDense } from "../systems/tfjs-step";
import { attempt, checkAgreement, type Context } from "./context";

/** Steps that are timed as one: they are too short for the clock. */
const steps = 16;

/** @param tfjsHead TF.js's step of the head; the ratio of the cached row is to it. */
export async function cachedRows(
  network: Network,
  batch: Dataset,
  tfjsHead: Measured | undefined,
  context: Context,
): Promise<Row[]> {
  const { absences, wants, say } = context;
  const [cached, dense] = ["cached", "dense"].map((part) => `step/${network.name}/${part}`);
  if (![cached, dense, ...countIds("cached", network)].some(wants)) return [];
  say(cached);
  const features = await featuresOf(network, batch, context);
  const data = repeatData(features, steps);
  const weights = headWeights(network);
  const peak = watchMemory();
  const model = buildThaw(network);
  freeze(model, model.layers.length - 1);
  await compileThaw(model, context.gpu);
  const images = repeatData(batch, steps);
  const fit = await PacedFit.start(model, images, network.batch, true);
  const loss = await fit.epoch();
  const plan = model.plan({ batchSize: network.batch, data: images, cacheFeatures: true });
  const memory = { thaw: peak(), planned: plan.peakBytes };
  const head = await denseHead(network, features.shape, weights, context);
  const denseFit = await PacedFit.start(head, data, network.batch);
  checkAgreement(`${cached}: a head on the features`, relativeError([await denseFit.epoch()], [loss]));

  const tfjs = await attempt(context, dense, "tfjs", async () =>
    startDense(weights, network.classes, data, network.batch),
  );
  const [tfjsSteps, tfjsMemory] = tfjs ?? [];
  if (tfjsMemory) checkAgreement(`${dense}: TF.js`, relativeError([tfjsMemory.loss], [loss]));
  const jax = await attempt(context, dense, "jaxjs", async () => {
    const epoch = new JaxEpochs(network, features, weights);
    checkAgreement(`${dense}: jax-js`, relativeError([await epoch.meanLoss()], [loss]));
    return epoch;
  });
  const each = async (action: () => Promise<unknown>, times: number) => {
    for (let i = 0; i < times; i++) await action();
  };
  const contestants: Contestant[] = [
    { name: "cached", run: async (times) => await each(() => fit.epoch(), times) },
    { name: "thaw", run: async (times) => await each(() => denseFit.epoch(), times) },
  ];
  if (tfjsSteps) contestants.push({ name: "tfjs", run: async (times) => await each(tfjsSteps.epoch, times) });
  if (jax) contestants.push({ name: "jaxjs", run: async (times) => await each(() => jax.run(), times) });
  const epochs = await interleave(contestants, context.pace());
  const times = Object.fromEntries(
    Object.entries(epochs).map(([name, t]) => [
      name,
      { ...t, median: t.median / steps, fastest: t.fastest / steps, spread: t.spread / steps },
    ]),
  );
  await fit.stop();
  await denseFit.stop();
  const counts = await countSteadyStep(model, batch, network.batch, true);
  const tfjsCounts = tfjsSteps && scaled(await counting(tfjsSteps.epoch), 1 / steps);
  tfjsSteps?.dispose();
  jax?.dispose();
  head.dispose();
  model.dispose();

  for (const id of [cached, dense]) absences.note(id, "ort", "ONNX Runtime Web cannot train");
  absences.note(cached, "jaxjs", "jax-js has no cache of features and no network to fill one; see the row dense");
  return [
    {
      id: cached,
      unit: "ms",
      thaw: times.cached,
      ...(tfjsHead !== undefined && { tfjs: tfjsHead, ratio: ratioOf(times.cached, tfjsHead) }),
      parity: "mean losses agree with those of the row dense to 1e-3",
      note: `steps of ${network.batch} in epochs of ${steps}; TF.js has no cache of features, so its figure is its step of the head`,
    },
    {
      id: dense,
      unit: "ms",
      thaw: times.thaw,
      ...(times.tfjs && { tfjs: times.tfjs, ratio: ratioOf(times.thaw, times.tfjs) }),
      ...(times.jaxjs && { jaxjs: times.jaxjs }),
      parity: `mean losses of the first ${steps} steps agree to 1e-3`,
      note: "every system is handed the features",
    },
    ...countRows("cached", network, counts, tfjsCounts),
    peakRow("cached", network, { ...memory, tfjs: tfjsMemory }),
  ];
}

/** What the frozen base makes of a batch. */
async function featuresOf(network: Network, batch: Dataset, { gpu }: Context): Promise<Dataset> {
  const model = buildThaw(network);
  const base = model.upTo("pool");
  await base.compile({ gpu });
  const x = await base.predict(batch.x, { batchSize: network.batch });
  base.dispose();
  return { x, y: batch.y!, shape: [x.length / network.batch] };
}

/** Kernel and bias. */
function headWeights(network: Network): Float32Array[] {
  return buildThaw(network)
    .getLayer("head")
    .parameters.map((p) => p.value);
}

async function denseHead(
  { classes }: Network,
  shape: readonly number[],
  weights: readonly Float32Array[],
  { gpu }: Context,
): Promise<Container> {
  const head = new Sequential([new Dense({ units: classes })], { inputShape: shape });
  head.allParameters().forEach((parameter, i) => parameter.assign(weights[i]));
  await compileThaw(head, gpu);
  return head;
}

/** Epochs of the head in jax-js; every batch is the same one. */
class JaxEpochs {
  readonly #head: JaxHead;
  readonly #x: JaxArray;
  readonly #y: JaxArray;

  constructor({ batch, classes }: Network, { x, y, shape }: Dataset, [kernel, bias]: readonly Float32Array[]) {
    this.#head = new JaxHead(kernel, bias, shape[0], classes);
    this.#x = jaxArray(x as Float32Array, [batch, shape[0]]);
    const oneHot = Float32Array.from({ length: batch * classes }, (_, i) =>
      Number(i % classes === y![Math.floor(i / classes)]),
    );
    this.#y = jaxArray(oneHot, [batch, classes]);
  }

  async meanLoss(): Promise<number> {
    let sum = 0;
    for (let i = 0; i < steps; i++) sum += (await this.#head.step(this.#x, this.#y).data())[0];
    return sum / steps;
  }

  /** Waits at the end only. */
  async run(): Promise<void> {
    for (let i = 1; i < steps; i++) this.#head.step(this.#x, this.#y).dispose();
    const last = this.#head.step(this.#x, this.#y);
    await jaxFinished(last);
    last.dispose();
  }

  dispose(): void {
    this.#head.dispose();
    this.#x.dispose();
    this.#y.dispose();
  }
}
