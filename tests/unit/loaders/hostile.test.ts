/** Files made to hurt: each is refused, or harmless, in bounded time and memory. */
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { ThawError } from "../../../src/index";
import { loadModel, loadWeights } from "../../../src/loaders/index";
import { openHdf5 } from "../../../src/loaders/hdf5";
import { unzip } from "../../../src/loaders/zip";
import { hasSharedAssets, readShared } from "../../setup/files";
import {
  counting,
  float32Bytes,
  smallConfig,
  smallPaths,
  writeHdf5,
  writeKeras,
  writeLegacy,
  writeSafetensors,
  writeTfjs,
} from "./build-files";
import { missingShared } from "./shared-files";

type Json = Record<string, unknown>;

/** The error of a refusal, the time and the memory it took. */
async function refusal(body: () => Promise<unknown>): Promise<string> {
  const start = performance.now();
  const before = process.memoryUsage();
  let message = "nothing was refused";
  try {
    await body();
  } catch (error) {
    expect(error, String(error)).toBeInstanceOf(ThawError);
    message = (error as Error).message;
  }
  const after = process.memoryUsage();
  expect(performance.now() - start).toBeLessThan(2000);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 2 ** 20);
  return message;
}

const layer = (class_name: string, name: string, config: Json = {}, ...from: string[]): Json => ({
  class_name,
  name,
  config: { name, ...config },
  inbound_nodes: from.length > 0 ? [from.map((f) => [f, 0, 0, {}])] : [],
});
const input = layer("InputLayer", "x", { batch_input_shape: [null, 4, 4, 1] });
const model = (layers: Json[], output: string, name = "net"): Json => ({
  class_name: "Functional",
  config: { name, layers, input_layers: [["x", 0, 0]], output_layers: [[output, 0, 0]] },
});
const load = (config: unknown) => () => loadModel(writeTfjs({ model_config: config }, []));

describe("configurations", () => {
  it.each<[string, unknown, RegExp]>([
    [
      "a circle",
      model([input, layer("ReLU", "a", {}, "b"), layer("ReLU", "b", {}, "a")], "a"),
      /the inputs of a, b lead nowhere or in a circle/,
    ],
    ["a layer that is not there", model([input, layer("ReLU", "a", {}, "ghost")], "a"), /the inputs of a lead nowhere/],
    ["an output that is not there", model([input], "ghost"), /refers to output 0 of call 0 of ghost/],
    [
      "two layers of one name",
      model([input, layer("ReLU", "a", {}, "x"), layer("ReLU", "a", {}, "x")], "a"),
      /two layers of net are named a/,
    ],
    ["an input that is another layer", model([layer("ReLU", "x")], "x"), /the input x is no InputLayer/],
    [
      "sizes below one",
      model([layer("InputLayer", "x", { batch_input_shape: [null, -4, 4, 1] })], "x"),
      /its shape is \[-4,4,1\]/,
    ],
    [
      "half a pixel",
      model([layer("InputLayer", "x", { batch_input_shape: [null, 4.5, 4, 1] })], "x"),
      /its shape is \[4.5,4,1\]/,
    ],
    [
      "a trillion weights",
      model([input, layer("Flatten", "f", {}, "x"), layer("Dense", "d", { units: 1e12 }, "f")], "d"),
      /d\/kernel is missing, expected \[16, 1000000000000\]/,
    ],
    [
      "a trillion pixels",
      model(
        [
          input,
          layer("UpSampling2D", "u", { size: [1e6, 1e6] }, "x"),
          layer("Conv2D", "c", { filters: 1e9, kernel_size: 3 }, "u"),
        ],
        "c",
      ),
      /c\/kernel is missing/,
    ],
    [
      "reshaped to nothing",
      model([input, layer("Reshape", "r", { target_shape: [0] }, "x")], "r"),
      /targetShape is \[0\]/,
    ],
    ["a layer list that is text", { class_name: "Sequential", config: { layers: "Conv2D" } }, /has no list of layers/],
    [
      "layers of numbers",
      { class_name: "Sequential", config: { layers: [1, null] } },
      /a layer is 1; expected an object/,
    ],
    ["nothing at all", { class_name: "Sequential", config: { layers: [] } }, /input shape|no layers|not known|nothing/],
    [
      "inputs that are numbers",
      { class_name: "Functional", config: { layers: [], input_layers: 5, output_layers: [] } },
      /inputs or outputs are 5/,
    ],
    [
      "a subclassed model",
      { class_name: "MyModel", config: {} },
      /holds a MyModel; expected a Functional or Sequential model/,
    ],
  ])("%s", async (_, config, why) => {
    expect(await refusal(load(config))).toMatch(why);
  });

  it("nested 9,000 deep", async () => {
    const deep = `${'{"config":'.repeat(9000)}1${"}".repeat(9000)}`;
    expect(await refusal(() => loadModel(new TextEncoder().encode(`{"modelTopology":${deep}}`)))).toMatch(
      /is nested more than 200 deep/,
    );
    const lists = `{"class_name":"Sequential","config":{"layers":${"[".repeat(9000)}${"]".repeat(9000)}}}`;
    const bytes = zipSync({
      "config.json": new TextEncoder().encode(lists),
      "model.weights.h5": await writeHdf5(smallPaths),
    });
    expect(await refusal(() => loadModel(bytes))).toMatch(/config.json: is nested more than 200 deep/);
  });

  it("models that call models, ten times each, in ten levels", async () => {
    let inner: Json = model([input, layer("ReLU", "r", {}, "x")], "r", "m0");
    for (let level = 1; level <= 10; level++) {
      const nodes = Array.from({ length: 10 }, (_, i) => [[i === 0 ? "x" : `m${level - 1}`, i === 0 ? 0 : i, 0, {}]]);
      const entry = { ...inner, name: `m${level - 1}`, inbound_nodes: nodes };
      inner = model([input, entry], `m${level - 1}`, `m${level}`);
      (inner.config as Json).output_layers = [[`m${level - 1}`, 10, 0]];
    }
    expect(await refusal(load(inner))).toMatch(/calls layers more than 50000 times/);
  });

  it("ten thousand layers, listed last first, take no time that grows with their square", async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `r${i}`);
    const layers = names.map((name, i) => layer("ReLU", name, {}, i === 0 ? "x" : names[i - 1]));
    const start = performance.now();
    const net = await loadModel(writeTfjs({ model_config: model([input, ...layers.toReversed()], names.at(-1)!) }, []));
    expect(net.layers.length).toBe(10_001);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it("names of JavaScript's own are names like others", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const layers = names.map((name, i) =>
      layer("Conv2D", name, { filters: 1, kernel_size: 1, use_bias: false }, i === 0 ? "x" : names[i - 1]),
    );
    const text = JSON.stringify(model([input, ...layers], names.at(-1)!)).replace(
      '"filters":1',
      '"__proto__":null,"filters":1',
    );
    const tensors = names.map(
      (name, i) =>
        [
          { name: `${name}/kernel`, shape: [1, 1, 1, 1], dtype: "float32" },
          float32Bytes(counting([1], i + 1)),
        ] as const,
    );
    const net = await loadModel(writeTfjs({ model_config: JSON.parse(text) as Json }, tensors));
    expect(net.allParameters().map((p) => [p.path, p.value[0]])).toEqual(
      names.map((name, i) => [`${name}/kernel`, i + 1]),
    );
    expect(({} as Json).filters).toBeUndefined();
    const classes = ["__proto__", "constructor", "toString"].map((name) => layer(name, `l_${name}`, {}, "x"));
    expect(await refusal(load(model([input, ...classes], "l___proto__")))).toMatch(
      /3 layer classes __proto__ .*constructor .*toString .*are not known/,
    );
    const weights = writeSafetensors(
      Object.fromEntries([["__proto__", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }]]),
    );
    expect(await refusal(() => loadWeights(net, weights))).toMatch(/__proto__ \[1\] has no place/);
  });

  it("of a vector with a number for each of a billion channels", async () => {
    const big = layer("InputLayer", "x", { batch_input_shape: [null, 1e9] });
    expect(await refusal(load(model([big, layer("Rescaling", "s", { scale: [1, 2], offset: 0 }, "x")], "s")))).toMatch(
      /scale has 2 numbers/,
    );
    expect(await refusal(load(model([big, layer("BatchNormalization", "b", {}, "x")], "b")))).toMatch(
      /b\/gamma is missing/,
    );
  });
});

describe("archives", () => {
  const members = async () => ({
    "config.json": new TextEncoder().encode(JSON.stringify(smallConfig)),
    "model.weights.h5": await writeHdf5(smallPaths),
  });

  it("a member that unpacks to more than was announced ends there", async () => {
    const zip = zipSync({ ...(await members()), "model.weights.h5": new Uint8Array(40 * 2 ** 20) }, { level: 1 });
    expect(await refusal(() => loadModel(zip))).toMatch(/bytes that unpack to 41943040; expected at most/);
    // The same with a lie about its size, in the directory and in its header.
    const view = new DataView(zip.buffer);
    for (let i = 0; i + 4 < zip.length; i++)
      if (view.getUint32(i, true) === 40 * 2 ** 20) view.setUint32(i, 1000, true);
    expect(await refusal(() => loadModel(zip))).toMatch(/unpacks to more than 1000 bytes/);
  });

  it("two members of one name, an encrypted one, an unknown method", async () => {
    const zip = zipSync(await members(), { level: 0 });
    const at = zip.length - 22;
    const view = new DataView(zip.buffer);
    const directory = view.getUint32(at + 16, true);
    const changed = (offset: number, value: number) => {
      const copy = zip.slice();
      new DataView(copy.buffer).setUint16(directory + offset, value, true);
      return copy;
    };
    expect(await refusal(() => loadModel(changed(8, 1)))).toMatch(/config.json: is encrypted/);
    expect(await refusal(() => loadModel(changed(10, 93)))).toMatch(/is packed by method 93; expected 0/);
    const second = new TextDecoder("latin1")
      .decode(zip)
      .replaceAll("model.weights.h5", "config.json\u0000\u0000\u0000\u0000\u0000");
    expect(await refusal(() => loadModel(Uint8Array.from(second, (c) => c.charCodeAt(0))))).toMatch(
      /has no model.weights.h5/,
    );
  });
});

describe("HDF5", () => {
  it("a heap whose objects have a size of nearly 2^64 would be walked for ever", async () => {
    const bytes = await writeLegacy({}, { model_config: smallConfig });
    const text = new TextDecoder("latin1").decode(bytes);
    const heap = text.indexOf("GCOL");
    expect(heap).toBeGreaterThan(0);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setBigUint64(heap + 16 + 8, 2n ** 64n - 16n, true);
    expect(await refusal(() => loadModel(bytes))).toMatch(/a heap at byte \d+ has objects beyond its end/);
  });

  it("so would one whose free space ends before such an object", async () => {
    const bytes = await writeLegacy({}, { model_config: smallConfig });
    const heap = new TextDecoder("latin1").decode(bytes).indexOf("GCOL");
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint16(heap + 16, 0, true);
    view.setBigUint64(heap + 16 + 8, 16n, true);
    view.setUint16(heap + 32, 1, true);
    view.setBigUint64(heap + 32 + 8, 2n ** 64n - 16n, true);
    expect(await refusal(() => loadModel(bytes))).toMatch(/a heap at byte \d+ has objects beyond its end/);
  });

  it("a list of weights that are not there", async () => {
    const bytes = await writeHdf5(
      { "a/b": counting([1]) },
      { "/": { layer_names: ["conv"] }, conv: { weight_names: ["conv/kernel"] } },
    );
    const net = await loadModel(await writeKeras(smallConfig, smallPaths));
    expect(await refusal(() => loadWeights(net, bytes))).toMatch(
      /lists the weight conv\/kernel of conv, and has no such tensor/,
    );
  });
});

if (!hasSharedAssets) console.log(`loaders: ${missingShared}`);

describe.skipIf(!hasSharedAssets)("file_edge_cases", () => {
  const edge = (name: string) => readShared(`file_edge_cases/${name}`);

  it.each(["comp_earliest", "comp_latest", "lib_earliest", "lib_latest"])(
    "%s.h5: compressed, chunked, of every type",
    async (name) => {
      const file = await openHdf5(name, await edge(`${name}.h5`));
      const tensors = file.paths.map((path) => {
        try {
          return [path, file.get(path)!.data.length];
        } catch (error) {
          return [path, (error as Error).message];
        }
      });
      file.close();
      const refused = tensors
        .filter(([, value]) => typeof value === "string")
        .map(([path]) => String(path).split("/").at(-1));
      expect(refused).toEqual([]);
      if (name.startsWith("lib")) {
        const again = await openHdf5(name, await edge(`${name}.h5`));
        const [plain, ...others] = ["0", "be", "f64"].map((t) => again.get(`layers/conv/vars/${t}`)!.data);
        for (const other of others) expect(other).toEqual(plain);
        const half = again.get("layers/conv/vars/f16")!.data;
        const bound = (v: number) => Math.abs(v) * 2 ** -11 + 2 ** -24;
        half.forEach((v, k) => expect(Math.abs(v - plain[k])).toBeLessThanOrEqual(bound(plain[k])));
        again.close();
      }
      expect(tensors.length).toBeGreaterThan(5);
      if (name.startsWith("comp")) expect(new Set(tensors.map(([, n]) => n))).toEqual(new Set([2048]));
    },
  );

  it("a shape of 4 TiB in 1,400 bytes", async () => {
    const file = await openHdf5("bomb", await edge("bomb.h5"));
    expect(await refusal(() => Promise.resolve().then(() => file.get("b")))).toMatch(/declares 4398046511104 bytes/);
    file.close();
  });

  it("links in a circle and to other files, many groups, long lists of names", async () => {
    expect(await refusal(() => openHdf5("soft", new Uint8Array(0)))).toMatch(/cannot be read as HDF5/);
    expect(await refusal(async () => openHdf5("soft", await edge("soft.h5")))).toMatch(
      /groups are nested more than 32 deep/,
    );
    for (const name of ["many_earliest", "many_latest"]) {
      const start = performance.now();
      const file = await openHdf5(name, await edge(`${name}.h5`));
      expect(file.paths.length, name).toBeGreaterThan(100);
      expect(performance.now() - start, name).toBeLessThan(2000);
      file.close();
    }
    const big = await openHdf5("bigattr", await edge("bigattr.h5"));
    expect(big.texts("/", "layer_names")!.length).toBe(1000);
    big.close();
    for (const name of ["order_earliest", "order_latest"]) {
      const file = await openHdf5(name, await edge(`${name}.h5`));
      expect(file.paths.toSorted()).toEqual(["d1", "d2", "d3"]);
      file.close();
    }
    for (const name of ["comp_latest", "many_latest", "bomb"])
      expect(await refusal(async () => loadModel(await edge(`${name}.h5`)))).toMatch(
        /HDF5 file without a Keras model|holds weights without a model/,
      );
  });

  it("a configuration that is none", async () => {
    expect(await refusal(async () => loadModel(await edge("bigattr.h5")))).toMatch(
      /a layer is \{"a":"y+; expected an object/,
    );
  });

  it("ZIP: long numbers, sizes behind the data, a bomb, a wrong checksum, a truncation", async () => {
    const z64 = await unzip("z64", await edge("z64.zip"), () => true);
    expect([...z64].map(([name, data]) => [name, data.length])).toEqual([
      ["a.bin", 1000],
      ["b.txt", 2],
    ]);
    const zdd = await unzip("zdd", await edge("zdd.zip"), () => true);
    expect(zdd.get("config.json")!.length).toBe(200);
    expect(await refusal(async () => unzip("zbomb", await edge("zbomb.zip"), () => true))).toMatch(
      /305\d+ bytes that unpack to 314572800/,
    );
    expect(await refusal(async () => loadModel(await edge("zcrc.zip")))).toMatch(/checksum 0x[0-9a-f]{8}; expected 0x/);
    expect(await refusal(async () => loadModel(await edge("ztrunc.zip")))).toMatch(
      /cannot be unpacked \(its end record is missing\)/,
    );
    expect(await refusal(async () => loadModel(await edge("z64.zip")))).toMatch(
      /expected a .keras file with a config.json/,
    );
  });
});
