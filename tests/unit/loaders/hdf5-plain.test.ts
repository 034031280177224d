/** The reader of our own beside the library: the same file gives the same tensors and texts, whichever opens it. */
import { h5wasm } from "h5wasm";
import { describe, expect, it } from "vitest";
import { ThawError } from "../../../src/index";
import { crc32 } from "../../../src/loaders/crc32";
import { openByLibrary, openHdf5 } from "../../../src/loaders/hdf5";
import type { Hdf5File } from "../../../src/loaders/hdf5-file";
import { openPlainHdf5 } from "../../../src/loaders/hdf5-plain";
import { Hdf5Group } from "../../../src/loaders/hdf5-tree";
import { layOutHdf5 } from "../../../src/loaders/hdf5-writer";
import { isZip, unzip } from "../../../src/loaders/zip";
import { hasSharedAssets, readBytes, readShared } from "../../setup/files";
import { counting, smallConfig, smallGroups, smallPaths, writeHdf5, writeLegacy } from "./build-files";
import { missingShared } from "./shared-files";

/** Attributes by which the readers are asked: those of Keras's groups, and those of the fixture's. */
const ofKeras = "name layer_names weight_names model_config training_config keras_version backend none".split(" ");
const ofTexts =
  "one nothing fixed list fixedList square noneAtAll number numbers truth null ascii more0 more none".split(" ");

/** Comparing millions of numbers one by one takes seconds. */
const checksum = ({ buffer, byteOffset, byteLength, length }: Float32Array) =>
  `${length} numbers, ${crc32(new Uint8Array(buffer, byteOffset, byteLength))}`;

/** All that can be asked of a file. */
function contentsOf(file: Hdf5File) {
  const groups = new Set(["/", "none", "texts"]);
  for (const path of file.paths) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) groups.add(parts.slice(0, i).join("/"));
  }
  const read = (path: string) => {
    try {
      const tensor = file.get(path);
      return tensor && tensor.data.length > 1000 ? { shape: tensor.shape, checksum: checksum(tensor.data) } : tensor;
    } catch (error) {
      expect(error).toBeInstanceOf(ThawError);
      return (error as Error).message;
    }
  };
  return {
    paths: file.paths,
    shapes: file.paths.map((path) => file.shape(path)),
    tensors: file.paths.map(read),
    texts: [...groups].map((group) =>
      (group === "texts" ? ofTexts : ofKeras).map((name) => [file.attribute(group, name), file.texts(group, name)]),
    ),
  };
}

/** Opens with both, compares, and gives what the plain reader found. */
async function expectSame(bytes: Uint8Array, owned = false) {
  const plain = openPlainHdf5("file", bytes.slice(), owned);
  expect(plain, "is read without the library").toBeDefined();
  const found = contentsOf(plain!);
  const library = await openByLibrary("file", bytes.slice(), owned);
  expect(found).toEqual(contentsOf(library));
  library.close();
  plain!.close();
  return found;
}

/** The HDF5 file in a .keras file, or the file itself. */
async function weightsIn(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (!isZip(bytes)) return bytes;
  return (await unzip(name, bytes, (member) => member.endsWith(".h5"))).get("model.weights.h5")!;
}

function bytesOfTree(root: Hdf5Group): Uint8Array {
  const laid = layOutHdf5(root);
  const bytes = new Uint8Array(laid.bytes);
  laid.write(bytes);
  return bytes;
}

describe("both readers give the same", () => {
  it("of files as h5py writes them", async () => {
    expect((await expectSame(await writeHdf5(smallPaths))).paths.length).toBe(Object.keys(smallPaths).length);
    await expectSame(await writeLegacy(smallGroups(""), { model_config: smallConfig, keras_version: "3.15.1" }));
    const named = { "/": { layer_names: ["é", "b", ""] }, "a/b": { name: "x", weight_names: [] } };
    const { texts } = await expectSame(await writeHdf5({ "a/b/c": counting([2, 3]) }, named));
    expect(texts.flat(2)).toContainEqual(["é", "b", ""]);
  });

  it("of groups so large that their trees have levels", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 700 }, (_, i) => [`g/t${(i * 7919) % 700}`, counting([i % 5])]),
    );
    expect((await expectSame(await writeHdf5(many))).paths.length).toBe(700);
  });

  it("of files that Thaw writes", async () => {
    const root = new Hdf5Group();
    root.setTexts(
      "layer_names",
      Array.from({ length: 9000 }, (_, i) => `läyer_${i}`),
    );
    root.attributes.model_config = "é".repeat(100_000);
    root.group("none").setTexts("weight_names", []);
    root.add("a/ü/1", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) });
    root.add("a/\u{1f600}", { shape: [], data: Float32Array.of(7) });
    root.add("a/\uff00", { shape: [1], data: Float32Array.of(8) });
    root.add("step", { shape: [], data: BigInt64Array.of(5n) });
    root.add("count", { shape: [], data: Int32Array.of(-3) });
    root.add("empty", { shape: [0, 4], data: new Float32Array(0) });
    const { tensors } = await expectSame(bytesOfTree(root));
    expect(tensors).toContainEqual({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) });
  });

  it("of the file of a pretrained network", async () => {
    await expectSame(await weightsIn("net", await readBytes("assets/thaw_cifar8.keras")));
  });

  it("of every type, layout and kind of text that h5py writes in its earliest form", async () => {
    const bytes = await readBytes("tests/fixtures/hdf5/plain.h5");
    const { paths, tensors } = await expectSame(bytes);
    const of = (name: string) => tensors[paths.indexOf(`numbers/${name}`)];
    for (const name of ["float16", "float32", "float64", "int8", "uint16", "int32", "int64", "uint64", "compact"])
      expect(of(name), name).toEqual({ shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 100, 127) });
    expect(of("bool")).toEqual({ shape: [2, 3], data: Float32Array.of(0, 1, 0, 1, 0, 1) });
    expect(of("bfloat16")).toEqual({ shape: [3], data: Float32Array.of(1.5, -2.25, 2 ** 127 * (1 + 97 / 128)) });
    expect(of("null")).toBe("file/numbers/null: has no shape; expected a tensor.");
    const plain = openPlainHdf5("file", bytes, false)!;
    expect(plain.texts("texts", "more")?.length).toBe(12); // more0 to more11, as Keras splits lists
    expect(plain.texts("texts", "square")).toEqual(["a", "b", "c", "d"]);
    expect(plain.attribute("texts", "one")).toBe("é, of any length");
    expect(plain.attribute("texts", "numbers")).toBeUndefined();
  });
});

describe("memory", () => {
  const bytesOf = async () => {
    const bytes = await writeHdf5({ a: counting([30, 4]), "b/c": counting([3]) });
    return bytes.slice();
  };

  it("float32 tensors stay where they lie in a file that is nobody else's, each once", async () => {
    const bytes = await bytesOf();
    const file = openPlainHdf5("own", bytes, true)!;
    expect(file.get("a")!.data.buffer).toBe(bytes.buffer);
    expect(file.get("b/c")!.data.buffer).toBe(bytes.buffer);
    expect(file.get("a")!.data.buffer).not.toBe(bytes.buffer);
  });

  it("and are copies in one that is lent, or begins at an odd place", async () => {
    const lent = await bytesOf();
    expect(openPlainHdf5("lent", lent, false)!.get("a")!.data.buffer).not.toBe(lent.buffer);
    const odd = new Uint8Array(lent.length + 1);
    odd.set(lent, 1);
    const tensor = openPlainHdf5("odd", odd.subarray(1), true)!.get("a")!;
    expect(tensor.data.buffer).not.toBe(odd.buffer);
    expect(tensor).toEqual(counting([30, 4]));
  });
});

let others = 0;

/** What the library writes when it is asked to. */
async function byLibrary(write: (file: InstanceType<typeof h5wasm.File>) => void, latest = false): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  const path = `/other-${others++}.h5`;
  const file = new h5wasm.File(path, "w", { libver: latest ? ["latest", "latest"] : ["earliest", "latest"] });
  write(file);
  file.close();
  const bytes = FS.readFile(path).slice();
  FS.unlink(path);
  return bytes;
}

describe("is left to the library", () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const cases: [string, () => Promise<Uint8Array>][] = [
    ["chunks", () => byLibrary((f) => f.create_dataset({ name: "t", data, shape: [8], chunks: [4] }))],
    [
      "compressed chunks",
      () =>
        byLibrary((f) =>
          f.create_dataset({ name: "t", data, shape: [8], chunks: [4], compression: "gzip", compression_opts: 4 }),
        ),
    ],
    [
      "big endian",
      () => {
        const root = new Hdf5Group();
        const turned = new Uint8Array(data.slice().buffer);
        for (let i = 0; i < turned.length; i += 4) turned.subarray(i, i + 4).reverse();
        root.add("t", { shape: [8], data: new Float32Array(turned.buffer) });
        const bytes = bytesOfTree(root);
        const type = bytes.findIndex((_, i) => [0x11, 0x20, 31, 0, 4].every((byte, k) => bytes[i + k] === byte));
        bytes[type + 1] |= 1;
        return Promise.resolve(bytes);
      },
    ],
    ["a newer layout", () => byLibrary((f) => f.create_dataset({ name: "t", data, shape: [8] }), true)],
    [
      "a soft link",
      () =>
        byLibrary((f) => {
          f.create_group("g").create_dataset({ name: "x", data, shape: [8] });
          f.create_soft_link("/g/x", "t");
        }),
    ],
    [
      "a second name of the same tensor",
      () =>
        byLibrary((f) => {
          f.create_group("g").create_dataset({ name: "x", data, shape: [8] });
          f.create_hard_link("/g/x", "t");
        }),
    ],
  ];

  it.each(cases)("%s", async (_, write) => {
    const bytes = await write();
    expect(openPlainHdf5("other", bytes, false)).toBeUndefined();
    const file = await openHdf5("other", bytes);
    expect(file.get("t")).toEqual({ shape: [8], data });
    file.close();
  });

  it("a truncated file, which is refused", async () => {
    const bytes = await writeHdf5(smallPaths);
    const cut = bytes.slice(0, bytes.length - 1);
    expect(openPlainHdf5("cut", cut, false)).toBeUndefined();
    await expect(openHdf5("cut", cut)).rejects.toThrow(/cut: cannot be read as HDF5/);
  });
});

if (!hasSharedAssets) console.log(`loaders: ${missingShared}`);

const fixtures = ["bf16.keras", "int8.keras", "mixed.h5", "mixed.keras", "multi.keras", "multi.weights.h5", "seq.h5"];
const more = ["seq.keras", "transfer.h5", "transfer.keras", "transfer.weights.h5"];
const written = [".h5", ".keras", ".weights.h5"].map((end) => `keras_written/mobilenet_v1_0.25_224_imagenet${end}`);

describe.skipIf(!hasSharedAssets)(
  "files of Keras are read without the library, and give what the library gives",
  () => {
    it.each([
      ...[...fixtures, ...more].map((name) => `keras_fixtures/${name}`),
      ...[
        ...written,
        "mobilenet_v1_0.25_no_top_keras2_h5/mobilenet_2_5_224_tf_no_top.h5",
        "squeezenet_v1.1_keras_h5/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "teachable_machine_catdog_h5/keras_model.h5",
        "vww_mobilenet_keras_h5/vww_96.h5",
      ].map((name) => `models/${name}`),
      "file_edge_cases/many_earliest.h5",
      "file_edge_cases/bigattr.h5",
    ])("%s", async (name) => {
      const { tensors } = await expectSame(await weightsIn(name, await readShared(name)), true);
      expect(tensors.filter((tensor) => typeof tensor === "string")).toEqual([]);
    });

    it.each(["bomb", "comp_earliest", "comp_latest", "lib_latest", "many_latest", "order_earliest", "soft"])(
      "file_edge_cases/%s.h5 is left to the library",
      async (name) => {
        expect(openPlainHdf5(name, await readShared(`file_edge_cases/${name}.h5`), false)).toBeUndefined();
      },
    );
  },
);
