/** Counts of one training step in the middle of `fit`, and the rows that hold them. */
import type { Container, Dataset } from "../../../src/index";
import type { Network } from "../networks/layers";
import { smallNetwork } from "../networks";
import { ratioOf, type Row } from "../result";
import { PacedFit } from "../systems/paced-fit";
import { countNames, counting, subtract, type Counts } from "./counts";

/** Ids of counts of the small network are short; those of other networks name the network. */
export const countId = (name: string, part: string, network: Network): string =>
  network.name === smallNetwork.name ? `count/${name}/${part}` : `count/${name}/${network.name}/${part}`;

export const countIds = (part: string, network: Network): string[] =>
  [...countNames, "peakBytes"].map((name) => countId(name, part, network));

export const scaled = (counts: Counts, factor: number): Counts =>
  Object.fromEntries(countNames.map((name) => [name, counts[name] * factor])) as unknown as Counts;

/** What one of `times` runs of `action` asks of WebGPU. */
export async function countingEach(action: () => Promise<unknown>, times: number): Promise<Counts> {
  const all = await counting(async () => {
    for (let i = 0; i < times; i++) await action();
  });
  return scaled(all, 1 / times);
}

/** `times` times the samples and labels of a data set. */
export function repeatData(data: Dataset, times: number): Dataset {
  const x = new Float32Array(times * data.x.length);
  for (let i = 0; i < times; i++) x.set(data.x, i * data.x.length);
  const labels = Array.from(data.y!);
  return { x, y: Array.from({ length: times }, () => labels).flat(), shape: data.shape };
}

/**
 * What one step in the middle of `fit` asks of WebGPU: the difference between epochs of two steps and of one, since both end
 * with one reading of results. `fit` also reads after every few steps of a longer epoch: a submit and nothing else.
 *
 * @param data one batch.
 */
export async function countSteadyStep(
  model: Container,
  data: Dataset,
  batch: number,
  cacheFeatures = false,
): Promise<Counts> {
  const epochOf = async (steps: number): Promise<Counts> => {
    const fit = await PacedFit.start(model, repeatData(data, steps), batch, cacheFeatures);
    try {
      await fit.epoch(); // the first step finds weights changed and prepares what later ones find done
      return await counting(async () => await fit.epoch());
    } finally {
      await fit.stop();
    }
  };
  const one = await epochOf(1);
  return subtract(await epochOf(2), one);
}

export function countRows(part: string, network: Network, thaw: Counts, tfjs: Counts | undefined): Row[] {
  return countNames.map((name) => ({
    id: countId(name, part, network),
    unit: name === "bytesWritten" ? "bytes" : "count",
    thaw: thaw[name],
    ...(tfjs && { tfjs: tfjs[name], ratio: ratioOf(thaw[name], tfjs[name]) }),
  }));
}

export interface MemoryPeaks {
  /** Bytes of Thaw's buffers that existed at one time: plan, weights and the batch. */
  readonly thaw: number;
  /** The same as the plan predicts it. */
  readonly planned: number;
  readonly tfjs: { readonly inUse: number; readonly allocated: number } | undefined;
}

export function peakRow(part: string, network: Network, { thaw, planned, tfjs }: MemoryPeaks): Row {
  return {
    id: countId("peakBytes", part, network),
    unit: "bytes",
    thaw,
    ...(tfjs && { tfjs: tfjs.inUse, ratio: ratioOf(thaw, tfjs.inUse) }),
    note: "Thaw: buffers that exist, the data with them; TF.js: buffers in use, without those kept for reuse",
    details: { thawPlanned: planned, ...(tfjs && { tfjsAllocated: tfjs.allocated }) },
  };
}
