/** Training steps and inference of a whole network, Thaw beside TF.js, on the same weights and batch. */
import {
  adam,
  Dense,
  Sequential,
  sparseCategoricalCrossentropy,
  type FunctionalModel,
  type Gpu,
} from "../../src/index";
import { readCounts, startCounting, type Counts } from "./counts";
import { mobilenetV2 } from "./mobilenet";
import type { Row } from "./suite";
import { buildThaw, compileThaw, type Network } from "./thaw";
import { buildTfjs, compileTfjs, tf } from "./tfjs";
import { interleave } from "./timing";

export interface StepOptions {
  readonly gpu: Gpu;
  readonly alpha: number;
  readonly size: number;
  readonly batch: number;
  readonly rounds: number;
  readonly only: (id: string) => boolean;
  readonly say: (text: string) => void;
}

const classes = 5;

/** How much is frozen: the number of layers from the input up, as `model.layers` counts them. */
const freezings = { all: () => 0, first100: () => 100, head: (layers: number) => layers - 1 } as const;

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export async function stepRows({ gpu, alpha, size, batch, rounds, only, say }: StepOptions): Promise<Row[]> {
  const network: Network = { specs: mobilenetV2(alpha, classes), size };
  const name = `mobilenetv2-${alpha}-${size}`;
  const random = seeded(1);
  const x = Float32Array.from({ length: batch * size * size * 3 }, () => 2 * random() - 1);
  const y = Array.from({ length: batch }, (_, i) => i % classes);
  const rows: Row[] = [];
  for (const [part, frozenLayers] of Object.entries(freezings)) {
    const id = `step/${name}/${part}`;
    if (!only(id)) continue;
    say(id);
    const model = buildThaw(network);
    const frozen = frozenLayers(model.layers.length);
    model.layers.forEach((layer, i) => (layer.trainable = i >= frozen));
    await compileThaw(model, gpu);
    const other = buildTfjs(network, model);
    compileTfjs(other, model);
    const images = tf.tensor4d(x, [batch, size, size, 3]);
    const labels = tf.oneHot(tf.tensor1d(y, "int32"), classes).toFloat();
    const thawStep = async () => (await model.trainOnBatch(x, y)).loss;
    const tfjsStep = async () => Number(await other.trainOnBatch(images, labels));
    const first = [await thawStep(), await tfjsStep()];
    // TF.js normalises frozen layers with the statistics of the batch, so only unfrozen losses can agree.
    const parity = Math.abs(first[0] / first[1] - 1);
    if (part === "all" && parity > 1e-3)
      throw new Error(`${id}: losses ${first.join(" and ")}; expected them to agree to 1e-3`);
    const counted: Record<string, Counts> = {};
    for (const [system, step] of [
      ["thaw", thawStep],
      ["tfjs", tfjsStep],
    ] as const) {
      await step();
      startCounting(gpu.device);
      await step();
      counted[system] = readCounts();
    }
    const times = await interleave(
      [
        { name: "thaw", run: async () => void (await thawStep()), repeat: 2 },
        { name: "tfjs", run: async () => void (await tfjsStep()) },
      ],
      rounds,
    );
    const plan = model.plan({ batchSize: batch });
    rows.push({
      id,
      unit: "ms",
      thaw: times.thaw,
      tfjs: times.tfjs,
      ratio: times.tfjs.median / times.thaw.median,
      losses: { thaw: first[0], tfjs: first[1] },
    });
    for (const key of ["dispatches", "submits", "bindGroups", "buffers", "bytesWritten"] as const) {
      rows.push({ id: `count/${key}/${part}`, unit: key, thaw: counted.thaw[key], tfjs: counted.tfjs[key] });
    }
    rows.push({ id: `count/peakBytes/${part}`, unit: "bytes", thaw: plan.peakBytes });
    if (part === "head" && only(`step/${name}/cached`)) {
      say(`step/${name}/cached`);
      rows.push(await cachedRow(`step/${name}/cached`, model, gpu, x, y, rounds, times.tfjs.median));
    }
    tf.dispose([images, labels]);
    other.dispose();
    model.dispose();
  }
  return rows;
}

/** The head alone, on features that the frozen base computed once. Its ratio is to TF.js's step of the head. */
async function cachedRow(
  id: string,
  model: FunctionalModel,
  gpu: Gpu,
  x: Float32Array,
  y: readonly number[],
  rounds: number,
  tfjsHead: number,
): Promise<Row> {
  const base = model.upTo("pool");
  await base.compile({ gpu });
  const features = await base.predict(x, { batchSize: y.length });
  base.dispose();
  const width = features.length / y.length;
  const head = new Sequential([new Dense({ units: classes })], { inputShape: [width] });
  await head.compile({ gpu, optimizer: adam(1e-3), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
  const run = async () => void (await head.trainOnBatch(features, y));
  const { thaw } = await interleave([{ name: "thaw", run, repeat: 20 }], rounds);
  head.dispose();
  return { id, unit: "ms", thaw, ratio: tfjsHead / thaw.median };
}
