/** What both pages of `load/first-step` do alike: fetch weights and a batch as bytes, and say when the first step is done. */
import type { Dataset } from "../../../src/index";
import { smallNetwork } from "../networks";

export interface WeightEntry {
  readonly layer: string;
  readonly name: string;
  readonly count: number;
}

export type Weights = (layer: string) => { readonly name: string; readonly value: Float32Array }[];

/** Weights as the command wrote them: `weights.json` lists what lies in `weights.bin`. */
export async function fetchWeights(): Promise<Weights> {
  const [entries, bytes] = await Promise.all([
    fetch("./weights.json").then(async (r) => (await r.json()) as WeightEntry[]),
    fetch("./weights.bin").then(async (r) => await r.arrayBuffer()),
  ]);
  const layers = new Map<string, { name: string; value: Float32Array }[]>();
  let at = 0;
  for (const { layer, name, count } of entries) {
    const list = layers.get(layer) ?? [];
    layers.set(layer, list);
    list.push({ name, value: new Float32Array(bytes, at, count) });
    at += 4 * count;
  }
  return (layer) => layers.get(layer) ?? [];
}

/** One batch. */
export async function fetchBatch(): Promise<Dataset> {
  const { batch, classes, size } = smallNetwork;
  const bytes = await fetch("./batch.bin").then(async (r) => await r.arrayBuffer());
  const y = Array.from({ length: batch }, (_, i) => i % classes);
  return { x: new Float32Array(bytes), y, shape: [size, size, 3] };
}

interface Page {
  /** Milliseconds from the beginning of navigation, and the loss; or what went wrong. */
  firstStep?: { readonly milliseconds: number; readonly loss: number } | { readonly error: string };
}

/** @param step resolves with the loss of the first step. */
export async function report(step: () => Promise<number>): Promise<void> {
  const page = globalThis as Page;
  try {
    const loss = await step();
    page.firstStep = { milliseconds: performance.now(), loss };
  } catch (error) {
    page.firstStep = { error: String(error) };
  }
}
