/** The HDF5 reader of our own and damaged files: it ends soon, and what it accepts lies within the file. */
import { describe, expect, it } from "vitest";
import { crc32 } from "../../../src/loaders/crc32";
import { openPlainHdf5 } from "../../../src/loaders/hdf5-plain";
import { Hdf5Group } from "../../../src/loaders/hdf5-tree";
import { layOutHdf5 } from "../../../src/loaders/hdf5-writer";
import { randomSource } from "../../../src/nn/parameter";
import { readBytes } from "../../setup/files";
import { counting, smallConfig, smallGroups, writeLegacy } from "./build-files";

function ownFile(): Uint8Array {
  const root = new Hdf5Group();
  root.setTexts("layer_names", ["conv", "dense"]);
  root.add("conv/kernel", counting([3, 3]));
  root.add("dense/kernel", counting([5]));
  const laid = layOutHdf5(root);
  const bytes = new Uint8Array(laid.bytes);
  laid.write(bytes);
  return bytes;
}

const files: [string, () => Promise<Uint8Array>][] = [
  ["h5py's", () => readBytes("tests/fixtures/hdf5/plain.h5")],
  ["Keras's legacy", () => writeLegacy(smallGroups(""), { model_config: smallConfig, keras_version: "3.15.1" })],
  ["Thaw's", () => Promise.resolve(ownFile())],
];

/** Addresses and lengths that lead where others do, in circles, just outside, and far away. */
function redirect(bytes: Uint8Array, places: readonly number[], draw: (below: number) => number): Uint8Array {
  const changed = bytes.slice();
  const view = new DataView(changed.buffer);
  for (let n = 1 + draw(3); n > 0; n--) {
    const at = places[draw(places.length)];
    const kind = draw(4);
    if (kind === 0) view.setBigUint64(at, view.getBigUint64(places[draw(places.length)], true), true);
    else if (kind === 1) view.setBigUint64(at, BigInt(draw(bytes.length / 8) * 8), true);
    else if (kind === 2)
      view.setBigUint64(at, [0n, 1n, 2n ** 63n, 2n ** 64n - 1n, BigInt(bytes.length)][draw(5)], true);
    else view.setUint16(at + 2 * draw(4), [0, 1, 0xffff, 0x11, 0x10][draw(5)], true);
  }
  return changed;
}

const samples = process.env.THAW_LONG ? 100_000 : 5000;
const longest = 500; // ms; a busy machine takes its time

describe(`${samples} files of which words are others`, () => {
  it.each(files)("%s", async (name, make) => {
    const bytes = await make();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const random = randomSource(crc32(new TextEncoder().encode(name)));
    // Words that may be an address, a length or a count.
    const places = Array.from({ length: Math.floor(bytes.length / 8) - 1 }, (_, i) => 8 * i).filter((at) => {
      const word = view.getBigUint64(at, true);
      return word > 0n && word <= BigInt(bytes.length);
    });
    expect(places.length).toBeGreaterThan(15);
    const counts = { read: 0, left: 0, slowest: 0 };
    for (let i = 0; i < samples; i++) {
      const changed = redirect(bytes, places, (below) => Math.floor(random() * below));
      const start = performance.now();
      const file = openPlainHdf5("changed", changed, i % 2 === 0);
      if (file) {
        counts.read++;
        for (const path of file.paths) {
          const shape = file.shape(path);
          if (shape) expect(file.get(path)!.data.length).toBe(shape.reduce((a, b) => a * b, 1));
        }
        file.texts("/", "layer_names");
      } else counts.left++;
      counts.slowest = Math.max(counts.slowest, performance.now() - start);
    }
    console.log(`${name}: ${counts.read} read, ${counts.left} left, slowest ${counts.slowest.toFixed(1)} ms`);
    expect(counts.read).toBeGreaterThan(0);
    expect(counts.left).toBeGreaterThan(samples / 10);
    expect(counts.slowest).toBeLessThan(longest);
  });
});

/** Where so many bytes stand that begin with these letters. */
function find(bytes: Uint8Array, letters: string, nth = 0): number {
  let at = -1;
  for (let n = 0; n <= nth; n++) at = new TextDecoder("latin1").decode(bytes).indexOf(letters, at + 1);
  expect(at, letters).toBeGreaterThanOrEqual(0);
  return at;
}

describe("is left to the library, soon", () => {
  const changes: [string, (bytes: Uint8Array, view: DataView) => void][] = [
    ["a B-tree that is its own child", (b, v) => v.setBigUint64(find(b, "TREE") + 32, BigInt(find(b, "TREE")), true)],
    [
      "the same with ever lower levels",
      (b, v) => {
        b[find(b, "TREE") + 5] = 200;
        v.setBigUint64(find(b, "TREE") + 32, BigInt(find(b, "TREE")), true);
      },
    ],
    ["a B-tree of 65,535 entries", (b, v) => v.setUint16(find(b, "TREE") + 6, 0xffff, true)],
    ["a node of 65,535 links", (b, v) => v.setUint16(find(b, "SNOD") + 6, 0xffff, true)],
    ["a group that holds itself", (b, v) => v.setBigUint64(find(b, "SNOD") + 16, v.getBigUint64(64, true), true)],
    ["names beyond their heap", (b, v) => v.setBigUint64(find(b, "SNOD") + 8, 0x7fff_ffffn, true)],
    ["names without an end", (b, v) => v.setBigUint64(find(b, "HEAP") + 8, 9n, true)],
    ["a heap of 2^64 bytes", (b, v) => v.setBigUint64(find(b, "GCOL") + 8, 2n ** 64n - 1n, true)],
    ["a heap of no bytes", (b, v) => v.setBigUint64(find(b, "GCOL") + 8, 0n, true)],
    ["a text of nearly 2^64 bytes", (b, v) => v.setBigUint64(find(b, "GCOL") + 24, 2n ** 64n - 16n, true)],
    ["a header that goes on in itself", (_, v) => continueAt(v, Number(v.getBigUint64(64, true)))],
    ["a root outside the file", (b, v) => v.setBigUint64(64, BigInt(b.length), true)],
    ["addresses of 4 bytes", (b) => (b[13] = 4)],
    ["a shape bomb", (b, v) => v.setBigUint64(shapeAt(b), 2n ** 40n, true)],
    ["a text that is not UTF-8", (b) => (b[find(b, "conv\0")] = 0xff)],
  ];

  it.each(changes)("%s", async (_, change) => {
    const bytes = await writeLegacy(smallGroups(""), { model_config: smallConfig, keras_version: "3.15.1" });
    expect(openPlainHdf5("whole", bytes, false)).toBeDefined();
    change(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const start = performance.now();
    expect(openPlainHdf5("changed", bytes, false)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(longest);
  });

  it("tensors that lie in the same place, which are given away but once", () => {
    const bytes = ownFile();
    expect(openPlainHdf5("whole", bytes, true)).toBeDefined();
    const view = new DataView(bytes.buffer);
    const layouts = Array.from({ length: bytes.length / 8 - 2 }, (_, i) => 8 * i).filter(
      (at) => view.getUint16(at, true) === 8 && view.getUint16(at + 2, true) === 24 && bytes[at + 8] === 3,
    );
    expect(layouts.length).toBe(2);
    view.setBigUint64(layouts[1] + 10, view.getBigUint64(layouts[0] + 10, true), true);
    expect(openPlainHdf5("changed", bytes, true)).toBeUndefined();
  });
});

/** Makes the first message of a header a continuation that leads back to it. */
function continueAt(view: DataView, header: number): void {
  const at = header + 16;
  view.setUint16(at, 0x10, true);
  view.setBigUint64(at + 8, BigInt(at), true);
  view.setBigUint64(at + 16, 24n, true);
}

/** The first dimension of the first tensor: a dataspace of version 1 with limits, then a float32's type. */
function shapeAt(bytes: Uint8Array): number {
  const type = bytes.findIndex((_, i) => [0x11, 0x20, 31, 0, 4].every((byte, k) => bytes[i + k] === byte));
  let at = type - 8;
  while (!(bytes[at] === 1 && bytes[at + 1] > 0 && bytes[at + 1] < 5 && bytes[at + 3] === 0)) at--;
  return at + 8;
}
