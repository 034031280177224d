/** TF.js itself, from the packages of bench/, on its CPU backend: it loads a model's files as a page would fetch them. */
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** What is used of TF.js; its packages are no dependencies of Thaw's, so that their types are not there. */
interface Tensor {
  readonly shape: readonly number[];
  dataSync(): Float32Array;
  dispose(): void;
}

interface LayersModel {
  readonly layers: readonly TfjsLayer[];
  readonly inputs: readonly { readonly shape: readonly (number | null)[] }[];
  readonly weights: readonly { readonly originalName: string; read(): Tensor }[];
  predict(x: Tensor | readonly Tensor[], options?: { batchSize?: number }): Tensor | readonly Tensor[];
  dispose(): void;
}

interface TfjsLayer {
  readonly name: string;
  readonly trainable: boolean;
  readonly layers?: readonly TfjsLayer[];
  getClassName(): string;
}

interface Tfjs {
  readonly core: {
    setBackend(name: string): Promise<boolean>;
    tensor(data: Float32Array, shape: readonly number[]): Tensor;
    readonly io: { http(address: string, options: { fetchFunc: (address: string) => Promise<Response> }): unknown };
  };
  readonly layers: { readonly version_layers: string; loadLayersModel(handler: unknown): Promise<LayersModel> };
}

let loaded: Promise<Tfjs> | undefined;

async function load(): Promise<Tfjs> {
  const require = createRequire(path.resolve("bench/package.json"));
  const core = require("@tensorflow/tfjs-core") as Tfjs["core"];
  require("@tensorflow/tfjs-backend-cpu");
  const layers = require("@tensorflow/tfjs-layers") as Tfjs["layers"];
  if (!(await core.setBackend("cpu"))) throw new Error("TF.js: the backend cpu did not start");
  return { core, layers };
}

export interface InTfjs {
  readonly version: string;
  /** The numbers of each output. */
  readonly outputs: readonly Float32Array[];
  /** Bits by TF.js's names. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Layers inside models too. */
  readonly flags: ReadonlyMap<string, boolean>;
  readonly classes: ReadonlySet<string>;
}

/**
 * @param folder where model.json lies.
 * @param inputs one for each input of the model, with the batch first.
 * @throws what TF.js says where it cannot load the model.
 */
export async function runInTfjs(folder: string, inputs: readonly Float32Array[], batch: number): Promise<InTfjs> {
  const { core, layers } = await (loaded ??= load());
  const fetchFunc = async (address: string) =>
    new Response(fs.readFileSync(path.join(folder, path.basename(new URL(address).pathname))));
  const model = await layers.loadLayersModel(core.io.http("http://localhost/model.json", { fetchFunc }));
  const tensors = inputs.map((data, i) => core.tensor(data, [batch, ...(model.inputs[i].shape.slice(1) as number[])]));
  try {
    const given = model.predict(tensors.length === 1 ? tensors[0] : tensors, { batchSize: batch });
    const outputs = (Array.isArray(given) ? given : [given]) as readonly Tensor[];
    const flat = (list: readonly TfjsLayer[]): TfjsLayer[] => list.flatMap((l) => (l.layers ? flat(l.layers) : [l]));
    const all = flat(model.layers);
    return {
      version: layers.version_layers,
      outputs: outputs.map((t) => t.dataSync()),
      weights: new Map(model.weights.map((w) => [w.originalName, w.read().dataSync()])),
      flags: new Map(all.map((l) => [l.name, l.trainable])),
      classes: new Set(all.map((l) => l.getClassName())),
    };
  } finally {
    for (const t of tensors) t.dispose();
    model.dispose();
  }
}
