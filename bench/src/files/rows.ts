/**
 * The rows `load/...` and `save/...` of files: time until the weights are on the GPU, memory for it, and time until they are in a file
 * again, each in fresh processes of Node.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { LayerList, type Network } from "../networks/layers";
import { mobilenetV2 } from "../networks/mobilenet";
import { resnet50 } from "../networks/resnet";
import type { Row, Timed } from "../result";
import { kerasBytes } from "../systems/keras-file";
import { onnxBytes, type LayerWeights } from "../systems/onnx";
import { buildThaw } from "../systems/thaw";
import type { Loaded } from "./child";

const classes = 1000;

interface FileRow {
  readonly id: string;
  readonly extension: string;
  readonly network: Network;
  readonly write: (network: Network, weights: LayerWeights) => Uint8Array | Promise<Uint8Array>;
}

const mobilenet: Network = { name: "mobilenetv2", specs: mobilenetV2(1, 224, classes), size: 224, classes, batch: 1 };
const resnet: Network = { name: "resnet50", specs: resnet50(classes), size: 224, classes, batch: 1 };

/** What a process loads first, so that libraries are there: a layer of each kind with weights. */
function smallNetwork(): Network {
  const list = new LayerList();
  list.add({ kind: "conv", name: "conv", filters: 8, kernel: 3 });
  list.add({ kind: "norm", name: "norm", epsilon: 1e-3 });
  list.add({ kind: "pool", name: "pool" });
  list.add({ kind: "dense", name: "head", filters: 4 });
  return { name: "small", specs: list.specs, size: 16, classes: 4, batch: 1 };
}

const savedId = (id: string) => id.replace("load/", "save/");

const fileRows: readonly FileRow[] = [
  { id: "load/keras-15mb", extension: "keras", network: mobilenet, write: kerasBytes },
  { id: "load/onnx-100mb", extension: "onnx", network: resnet, write: (n, weights) => onnxBytes(n, 1, weights) },
];

export const fileRowIds: readonly string[] = fileRows.flatMap(({ id }) => [id, savedId(id)]);

/** @param child the built child.ts. @param wants rows by id. @throws when the weights on the GPU are not those of the file. */
export async function measureFiles(
  child: string,
  wants: (id: string) => boolean,
  quick: boolean,
  say: (text: string) => void,
): Promise<Row[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-bench-"));
  try {
    const rows: Row[] = [];
    for (const row of fileRows)
      if (wants(row.id) || wants(savedId(row.id)))
        rows.push(...(await measure(row, child, folder, quick ? 1 : 5, say)));
    return rows;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  { id, extension, network, write }: FileRow,
  child: string,
  folder: string,
  runs: number,
  say: (text: string) => void,
): Promise<Row[]> {
  say(id);
  const [file, small] = [network, smallNetwork()].map((n) => path.join(folder, `${n.name}.${extension}`));
  const sum = await writeFile(file, network, write);
  await writeFile(small, smallNetwork(), write);
  const bytes = fs.statSync(file).size;
  const run = (...files: string[]): Loaded => {
    const output = execFileSync(process.execPath, ["--expose-gc", child, ...files], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"], // the driver's warnings
    });
    const loaded = JSON.parse(output) as Loaded;
    if (!(Math.abs(loaded.sum - sum) <= 1e-9 * Math.abs(sum)))
      throw new Error(`${id}: the weights on the GPU sum up to ${loaded.sum}; expected ${sum}, as in the file`);
    return loaded;
  };
  const first = Array.from({ length: runs }, () => run(file));
  const later = Array.from({ length: Math.min(runs, 3) }, () => run(file, small));
  const memory = middle(later.map((l) => l.hostBytes / bytes));
  const size = `${(bytes / 1e6).toFixed(1)} MB, ${network.name}`;
  return [
    {
      id,
      unit: "ms",
      thaw: timed(first.map((l) => l.milliseconds)),
      parity: "sum of the weights, read back from the GPU",
      note: `${size}; Node, a fresh process each: from path to weights on the GPU, libraries of the format loaded and compiled on the way`,
      details: { librariesThere: middle(later.map((l) => l.milliseconds)), bytes },
    },
    {
      id: `${id}/memory`,
      unit: "times",
      thaw: memory,
      note: `${size}; peak resident memory above that after a small file of the format, as a multiple of the file, without the GPU's own buffers, which a software adapter has in the process too`,
      details: { withGpuBuffers: middle(later.map((l) => l.peakBytes / bytes)) },
    },
    {
      id: savedId(id),
      unit: "ms",
      thaw: timed(first.map((l) => l.saveMilliseconds)),
      note: `${size}; Node, the same process: from weights on the GPU to a file on the disk, the writer loaded and compiled on the way`,
      details: { later: middle(later.map((l) => l.saveMilliseconds)) },
    },
  ];
}

/** @returns the sum of all weights. */
async function writeFile(file: string, network: Network, write: FileRow["write"]): Promise<number> {
  const model = buildThaw(network);
  const layers = new Map(model.layers.map((layer) => [layer.name, layer.parameters]));
  fs.writeFileSync(file, await write(network, (layer) => layers.get(layer) ?? []));
  let sum = 0;
  for (const { value } of model.allParameters()) for (const x of value) sum += x;
  return sum;
}

const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
const middle = (values: readonly number[]): number => sorted(values)[Math.floor(values.length / 2)];

function timed(values: readonly number[]): Timed {
  const all = sorted(values);
  const at = (share: number) => all[Math.min(all.length - 1, Math.floor(share * all.length))];
  return { median: middle(values), fastest: all[0], spread: (at(0.75) - at(0.25)) / 2, runs: values.length };
}
