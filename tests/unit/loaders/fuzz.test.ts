/**
 * Files are hostile until read: whatever is done to one, it loads or is refused with a ThawError, soon. Seeded, so that a
 * failure can be had again; THAW_LONG=1 takes twenty times as many samples.
 */
import fs from "node:fs/promises";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import {
  BatchNormalization,
  Conv2D,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  Sequential,
  ThawError,
} from "../../../src/index";
import { crc32 } from "../../../src/loaders/crc32";
import { openHdf5 } from "../../../src/loaders/hdf5";
import { loadModel, loadWeights, saveModel } from "../../../src/loaders/index";
import { readOnnxGraph } from "../../../src/loaders/onnx/index";
import { writeOnnx } from "../../../src/loaders/onnx/save/index";
import { metadataKeys } from "../../../src/loaders/onnx/save/metadata";
import { restoreModel } from "../../../src/loaders/onnx/save/restore";
import { randomSource } from "../../../src/nn/parameter";
import {
  counting,
  float32Bytes,
  smallConfig,
  smallGroups,
  smallPaths,
  smallWeights,
  writeHdf5,
  writeKeras,
  writeLegacy,
  writeSafetensors,
  writeTfjs,
} from "./build-files";
import { hasSharedAssets, readShared } from "../../setup/files";
import { missingShared } from "./shared-files";

const samples = process.env.THAW_LONG ? 40_000 : 2000;
const longest = 2000; // ms

/** One layer, whose kernel is longer than what HDF5 reads through a buffer of its own. */
const wide = {
  class_name: "Sequential",
  config: {
    name: "wide",
    layers: [
      { class_name: "InputLayer", config: { name: "in", batch_shape: [null, 64] } },
      { class_name: "Dense", config: { name: "wide", units: 288, use_bias: false } },
    ],
  },
};

type Draw = (below: number) => number;

/** One to four changes of the kinds that files suffer and attackers make. */
function mutate(original: Uint8Array, donor: Uint8Array, draw: Draw): Uint8Array {
  let bytes = original.slice();
  for (let n = 1 + draw(4); n > 0; n--) {
    if (bytes.length < 16) return bytes;
    const at = draw(bytes.length);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    switch (draw(9)) {
      case 0:
      case 1: // a flipped bit
        bytes[at] ^= 1 << draw(8);
        break;
      case 2: // another byte
        bytes[at] = draw(256);
        break;
      case 3: // truncated
        bytes = bytes.slice(0, at);
        break;
      case 4: {
        // a piece of itself or of another file, over what was there
        const from = draw(donor.length - 1);
        const piece = donor.subarray(from, from + Math.min(1 + draw(64), bytes.length - at));
        bytes.set(piece, at);
        break;
      }
      case 5: {
        // a piece twice, or left out: lengths no longer fit
        const end = Math.min(bytes.length, at + 1 + draw(32));
        const parts = draw(2)
          ? [bytes.subarray(0, end), bytes.subarray(at)]
          : [bytes.subarray(0, at), bytes.subarray(end)];
        const joined = new Uint8Array(parts[0].length + parts[1].length);
        joined.set(parts[0]);
        joined.set(parts[1], parts[0].length);
        bytes = joined;
        break;
      }
      case 6: // a length or an offset out of all bounds, where one may be
        view.setUint32(Math.min(at & ~3, bytes.length - 4), [0, 1, 0x7fffffff, 0xffffffff, 0x10000][draw(5)], true);
        break;
      case 7: // digits of a number in text: shapes, counts, indices
        for (let i = at; i < Math.min(bytes.length, at + 200); i++) {
          if (bytes[i] >= 0x30 && bytes[i] <= 0x39) {
            bytes[i] = 0x30 + draw(10);
            if (draw(3) === 0) break;
          }
        }
        break;
      default: {
        // a word of a configuration for another
        const words = ["Conv2D", "Dense", "__proto__", "constructor", "null", "-1", "1e99", "[[[[", '{"a":', "NaN"];
        bytes.set(new TextEncoder().encode(words[draw(words.length)]).subarray(0, bytes.length - at), at);
      }
    }
  }
  return bytes;
}

interface Outcome {
  loaded: number;
  refused: number;
  readonly wrong: string[];
  slowest: number;
}

async function fuzz(
  name: string,
  count: number,
  original: Uint8Array,
  read: (bytes: Uint8Array) => Promise<unknown>,
): Promise<Outcome> {
  const random = randomSource(crc32(new TextEncoder().encode(name)));
  const draw: Draw = (below) => Math.floor(random() * below);
  const outcome: Outcome = { loaded: 0, refused: 0, wrong: [], slowest: 0 };
  await read(original); // what is changed has to be whole
  for (let i = 0; i < count; i++) {
    const bytes = mutate(original, original, draw);
    // The library dates what it writes, so that files differ from run to run: what went wrong is kept.
    const wrong = async (what: string) => {
      const kept = `out/tests/fuzz-${name.replace(/\W+/g, "-")}-${i}.bin`;
      await fs.mkdir("out/tests", { recursive: true });
      await fs.writeFile(kept, bytes);
      outcome.wrong.push(`${kept}: ${what}`);
    };
    const start = performance.now();
    try {
      await read(bytes);
      outcome.loaded++;
    } catch (error) {
      if (error instanceof ThawError) outcome.refused++;
      else await wrong(`${String(error)} ${(error as Error).stack?.split("\n")[1] ?? ""}`);
    }
    const took = performance.now() - start;
    outcome.slowest = Math.max(outcome.slowest, took);
    if (took > longest) await wrong(`${Math.round(took)} ms`);
  }
  await read(original); // and nothing that was done has broken what reads it
  return outcome;
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** TF.js: both files, one after the other, so that both are changed. */
async function tfjsBytes(): Promise<{ bytes: Uint8Array; read: (bytes: Uint8Array) => Promise<unknown> }> {
  const [json, shard] = writeTfjs(
    { keras_version: "3.15.1", model_config: smallConfig },
    Object.entries(smallWeights).map(([name, t]) => [{ name, shape: t.shape, dtype: "float32" }, float32Bytes(t)]),
  );
  const parts = [new Uint8Array(await json.arrayBuffer()), new Uint8Array(await shard.arrayBuffer())];
  const bytes = new Uint8Array(parts[0].length + parts[1].length);
  bytes.set(parts[0]);
  bytes.set(parts[1], parts[0].length);
  const cut = parts[0].length;
  const read = (changed: Uint8Array) =>
    loadModel([
      new File([changed.slice(0, cut)], "model.json"),
      new File([changed.slice(cut)], "group1-shard1of1.bin"),
    ]);
  return { bytes, read };
}

/** The model's own shape of configuration, functional and nested, for changes of the graph. */
const functional = {
  class_name: "Functional",
  config: {
    name: "graph",
    layers: [
      {
        class_name: "InputLayer",
        name: "x",
        config: { name: "x", batch_input_shape: [null, 8, 8, 3] },
        inbound_nodes: [],
      },
      {
        class_name: "Conv2D",
        name: "c",
        config: { name: "c", filters: 3, kernel_size: 1 },
        inbound_nodes: [[["x", 0, 0, {}]]],
      },
      {
        class_name: "Add",
        name: "a",
        config: { name: "a" },
        inbound_nodes: [
          [
            ["x", 0, 0, {}],
            ["c", 0, 0, {}],
          ],
        ],
      },
      {
        class_name: "UpSampling2D",
        name: "u",
        config: { name: "u", size: [2, 2] },
        inbound_nodes: [[["a", 0, 0, {}]]],
      },
      { class_name: "Flatten", name: "f", config: { name: "f" }, inbound_nodes: [[["u", 0, 0, { training: false }]]] },
      {
        class_name: "Reshape",
        name: "r",
        config: { name: "r", target_shape: [-1, 4] },
        inbound_nodes: [[["f", 0, 0, {}]]],
      },
    ],
    input_layers: [["x", 0, 0]],
    output_layers: [["r", 0, 0]],
  },
};

const formats: [string, () => Promise<{ bytes: Uint8Array; read: (bytes: Uint8Array) => Promise<unknown> }>][] = [
  [".keras", async () => ({ bytes: await writeKeras(smallConfig, smallPaths), read: (b) => loadModel(b) })],
  [
    ".keras, deflated",
    async () => ({ bytes: await writeKeras(smallConfig, smallPaths, { level: 6 }), read: (b) => loadModel(b) }),
  ],
  [
    // Checksums keep changes of an archive from its members: here they are changed before they are packed.
    "members of a .keras",
    async () => ({
      bytes: await writeHdf5(smallPaths),
      read: (b) => loadModel(zipSync({ "config.json": text(smallConfig), "model.weights.h5": b }, { level: 0 })),
    }),
  ],
  [
    "legacy .h5",
    async () => ({
      bytes: await writeLegacy(smallGroups(""), { model_config: smallConfig, keras_version: "3.15.1" }),
      read: (b) => loadModel(b),
    }),
  ],
  [
    "legacy .h5 with a weight that stays in the file",
    async () => ({
      bytes: await writeLegacy(
        { wide: { "wide/kernel": counting([64, 288]) } },
        { model_config: wide, keras_version: "3" },
      ),
      read: (b) => loadModel(new File([b as Uint8Array<ArrayBuffer>], "wide.h5")),
    }),
  ],
  ["TF.js", tfjsBytes],
  [
    "a functional configuration",
    async () => ({
      bytes: text(functional),
      read: async (b) => {
        const shard = new Uint8Array(48);
        const specs = [
          { name: "c/kernel", shape: [1, 1, 3, 3], dtype: "float32" },
          { name: "c/bias", shape: [3], dtype: "float32" },
        ];
        // The configuration is changed as text and goes into a whole model.json.
        const json = `{"format":"layers-model","modelTopology":${new TextDecoder().decode(b)},"weightsManifest":[{"paths":["w"],"weights":${JSON.stringify(specs)}}]}`;
        return await loadModel([new File([json], "model.json"), new File([shard], "w")]);
      },
    }),
  ],
  [
    "safetensors",
    async () => {
      const tensors = Object.entries(smallWeights).map(([name, t]) => [
        name,
        { dtype: "F32", shape: t.shape, bytes: float32Bytes(t) },
      ]);
      const model = await loadModel(await writeKeras(smallConfig, smallPaths));
      return {
        bytes: writeSafetensors(Object.fromEntries(tensors) as Parameters<typeof writeSafetensors>[0]),
        read: (b) => loadWeights(model, b),
      };
    },
  ],
];

for (const name of ["cnn.ts", "vit.ts.batch1"])
  formats.push([
    `ONNX, ${name}`,
    async () => ({
      bytes: new Uint8Array(await fs.readFile(`tests/fixtures/onnx/${name}.onnx`)),
      // As a file, whose bytes are nobody else's: weights are turned where they lie.
      read: (b) => loadModel(new File([b as Uint8Array<ArrayBuffer>], "net.onnx")),
    }),
  ]);

const ownOnnx = async () => await writeOnnx(ownModel());

/** A model in a model. */
function ownModel(): Sequential {
  const x = input([4, 4, 3], { name: "x" });
  const conv = new Conv2D({ name: "conv", filters: 4, kernelSize: 3, strides: 2, padding: "same", seed: 1 }).apply(x);
  const y = new BatchNormalization({ name: "bn" }).apply(conv);
  const base = new FunctionalModel({ inputs: x, outputs: y, name: "base" });
  base.trainable = false;
  const head = new Dense({ name: "head", units: 2, activation: "softmax", seed: 2 });
  return new Sequential([base, new GlobalAveragePooling2D({ name: "pool" }), head], { name: "own" });
}

formats.push(
  [
    ".h5 of Thaw's own",
    async () => ({
      bytes: (await saveModel(ownModel(), "h5"))[0].bytes,
      read: (b) => loadModel(new File([b as Uint8Array<ArrayBuffer>], "own.h5")),
    }),
  ],
  ["ONNX of Thaw's own", async () => ({ bytes: await ownOnnx(), read: (b) => loadModel(b) })],
  [
    // A damaged one is left aside, and the graph read instead: here that counts as refused.
    "the architecture beside an ONNX graph",
    async () => {
      const graph = await readOnnxGraph("own.onnx", await ownOnnx());
      const { architecture } = metadataKeys;
      const read = async (b: Uint8Array) => {
        const metadata = new Map([...graph.metadata!, [architecture, new TextDecoder().decode(b)]]);
        if (!(await restoreModel("own.onnx", { ...graph, metadata })))
          throw new ThawError("own.onnx", "is not restored", "it");
      };
      return { bytes: new TextEncoder().encode(graph.metadata!.get(architecture)), read };
    },
  ],
);

if (!hasSharedAssets) console.log(`loaders: ${missingShared}`);

/** Chunks, filters, float16, dense attributes: what Keras never writes, and the library reads. */
const shared: typeof formats = ["comp_earliest", "comp_latest", "lib_earliest", "lib_latest"].map((name) => [
  `${name}.h5`,
  async () => ({
    bytes: await readShared(`file_edge_cases/${name}.h5`),
    read: async (bytes) => {
      const file = await openHdf5(name, bytes);
      try {
        for (const path of file.paths) file.get(path);
        file.texts("/", "layer_names");
      } finally {
        file.close();
      }
    },
  }),
]);

describe(`${samples} changed files of each format`, () => {
  it.each([...formats, ...(hasSharedAssets ? shared : [])])(
    "%s",
    async (name, make) => {
      const { bytes, read } = await make();
      // Those files are larger, and their parts are the library's and not Thaw's.
      const count = name.startsWith("comp_") || name.startsWith("lib_") ? samples / 5 : samples;
      const { loaded, refused, wrong, slowest } = await fuzz(name, count, bytes, read);
      console.log(
        `${name}: ${loaded} loaded, ${refused} refused, slowest ${slowest.toFixed(0)} ms, ${bytes.length} bytes`,
      );
      expect(wrong.slice(0, 5)).toEqual([]);
      expect(loaded + refused).toBe(count);
      expect(refused).toBeGreaterThan(count / 10);
      expect(loaded).toBeGreaterThan(0);
    },
    process.env.THAW_LONG ? 1_200_000 : 60_000,
  );
});
