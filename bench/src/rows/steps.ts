/** Training steps of a whole network, Thaw beside TF.js, on the same weights and batch, with their counts. */
import { watchMemory, type Counts } from "../measure/counts";
import { countIds, countingEach, countRows, countSteadyStep, peakRow } from "../measure/step-counts";
import { collect, interleave, summarise, type Contestant, type Pace } from "../measure/timing";
import type { Network } from "../networks/layers";
import { relativeError } from "../random";
import { ratioOf, type Measured, type Row, type Timed } from "../result";
import { PacedFit } from "../systems/paced-fit";
import { buildThaw, compileThaw, freeze } from "../systems/thaw";
import { startNetwork, type NetworkOptions, type Watched } from "../systems/tfjs-step";
import { augmentedRows } from "./augmented";
import { batchOf } from "./batch";
import { cachedRows } from "./cached";
import { attempt, checkAgreement, type Context } from "./context";

/** How much is frozen: the number of layers from the input up, as `model.layers` counts them. */
const freezings = { all: () => 0, first100: () => 100, head: (layers: number) => layers - 1 } as const;

type Part = keyof typeof freezings;

const noJax =
  "jax-js has neither layers nor an importer of networks to train: a network written by hand on its operations would measure that writing";

export async function stepRows(network: Network, context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  let head: Measured | undefined;
  for (const part of Object.keys(freezings) as Part[]) {
    const id = `step/${network.name}/${part}`;
    if (![id, ...countIds(part, network)].some(context.wants)) continue;
    context.say(id);
    const measured = await partRows(network, part, context);
    if (part === "head") head = measured[0].tfjs;
    rows.push(...measured);
  }
  rows.push(...(await augmentedRows(network, context)));
  return [...rows, ...(await cachedRows(network, batchOf(network), head, context))];
}

async function partRows(network: Network, part: Part, context: Context): Promise<Row[]> {
  const id = `step/${network.name}/${part}`;
  context.absences.note(id, "jaxjs", noJax);
  context.absences.note(id, "ort", "ONNX Runtime Web cannot train");
  const data = batchOf(network);
  const model = buildThaw(network);
  freeze(model, freezings[part](model.layers.length));

  const peak = watchMemory();
  await compileThaw(model, context.gpu);
  const fit = await PacedFit.start(model, data, network.batch);
  const loss = await fit.epoch();
  const memory = { thaw: peak(), planned: model.plan({ batchSize: network.batch }).peakBytes };
  const thaw: Contestant = { name: "thaw", run: async (times) => await repeat(() => fit.epoch(), times) };

  const options = {
    network,
    data,
    weights: (name: string) => model.getLayer(name).parameters,
    isTrainable: (name: string) => model.getLayer(name).trainable,
  };
  const compare = ({ loss: other }: Watched) => {
    checkAgreement(`${id}: TF.js`, relativeError([other], [loss]));
    return `first losses ${loss.toPrecision(7)} and ${other.toPrecision(7)}`;
  };
  const loosely = part !== "all" && !context.quick;
  const pace = context.pace();
  const both = await attempt(context, id, "tfjs", async () => await measure(thaw, options, loosely, compare, pace));
  const times = both ?? { thaw: summarise(await collect(thaw, pace)) };
  await fit.stop();
  const counts = await countSteadyStep(model, data, network.batch);
  model.dispose();
  return [
    {
      id,
      unit: "ms",
      thaw: times.thaw,
      ...(both && { tfjs: both.tfjs, ratio: ratioOf(both.thaw, both.tfjs), parity: both.parity }),
      ...(part !== "all" && { note: "TF.js's frozen normalizations are called with training: false" }),
      ...(both?.asItComes && { details: { tfjsAsItComes: both.asItComes.median } }),
    },
    ...countRows(part, network, counts, both?.counts),
    peakRow(part, network, { ...memory, tfjs: both?.memory }),
  ];
}

interface Measurement {
  readonly thaw: Timed;
  readonly tfjs: Timed;
  /** TF.js with its own way of freezing. */
  readonly asItComes?: Timed;
  /** Of TF.js. */
  readonly counts: Counts;
  readonly memory: Watched;
  readonly parity: string;
}

/** @param loosely also measure TF.js with its own way of freezing. */
async function measure(
  thaw: Contestant,
  options: NetworkOptions,
  loosely: boolean,
  compare: (watched: Watched) => string,
  pace: Pace,
): Promise<Measurement> {
  const [steps, memory] = await startNetwork(options);
  const parity = compare(memory);
  let counts: Counts | undefined;
  // A step has run: everything is compiled, and buffers wait for reuse.
  const prepare = () => Promise.resolve();
  const run = async (times: number) => void (counts = await countingEach(steps.step, times));
  const contestants: Contestant[] = [thaw, { name: "tfjs", run, prepare }];
  const [loose] = loosely ? await startNetwork({ ...options, asItComes: true }) : [];
  if (loose) contestants.push({ name: "asItComes", run: async (times) => await repeat(loose.step, times), prepare });
  const times = await interleave(contestants, pace);
  steps.dispose();
  loose?.dispose();
  return { thaw: times.thaw, tfjs: times.tfjs, asItComes: times.asItComes, counts: counts!, memory, parity };
}

async function repeat(action: () => Promise<unknown>, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await action();
}
