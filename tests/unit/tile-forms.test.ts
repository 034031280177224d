/** Which tile a problem gets on a GPU, and that the contract's cases reach every form. */
import { describe, expect, it } from "vitest";
import { describeLaunch, loadPrograms } from "../../src/kernels/kernel";
import {
  invocationsOf,
  packedForms,
  storageOf,
  tileFor,
  tileForms,
  type Tile,
} from "../../src/kernels/matmul/tile-forms";
import { refusal, type Shape } from "../../src/kernels/operation";
import { findOperation } from "../../src/kernels/registry";
import { gpuAdapter } from "../support/nets";

const named = ({ rows, columns }: Tile) => `${rows}x${columns}`;

describe("tiles for a GPU", () => {
  it("are large where many are left, and small where few are", () => {
    expect(named(tileFor(2048, 2048, gpuAdapter))).toBe("128x128");
    expect(named(tileFor(1024, 1024, gpuAdapter))).toBe("128x64");
    expect(named(tileFor(1024, 512, gpuAdapter))).toBe("64x64");
    expect(named(tileFor(256, 256, gpuAdapter))).toBe("32x64");
    expect(named(tileFor(256, 256, gpuAdapter, 64))).toBe("128x128");
  });

  it("fit the result: no half of a tile is empty where another form would fill it", () => {
    expect(named(tileFor(100_000, 24, gpuAdapter))).toBe("128x32");
    expect(named(tileFor(100_000, 64, gpuAdapter))).toBe("128x64");
    expect(named(tileFor(100_000, 144, gpuAdapter))).toBe("128x32");
    expect(named(tileFor(16, 1000, gpuAdapter))).toBe("32x64");
  });

  it("keep to what the adapter has", () => {
    const small = { ...gpuAdapter, maxWorkgroupStorage: 16384, maxInvocations: 128 };
    for (const n of [20, 60, 2048]) {
      const tile = tileFor(100_000, n, small);
      expect(storageOf(tile)).toBeLessThanOrEqual(16384);
      expect(invocationsOf(tile)).toBeLessThanOrEqual(128);
    }
    for (const tile of [...tileForms, ...packedForms]) expect(invocationsOf(tile)).toBeGreaterThanOrEqual(64);
  });
});

/** Forms that an operation's variant takes over its cases. */
async function reached(name: string, variant: string): Promise<Set<string>> {
  const op = findOperation(name);
  const found = new Set<string>();
  for (const { attrs, inputs, traits } of op.cases) {
    const shapes = { ...inputs, ...op.shapes(attrs, inputs) } as Record<string, Shape>;
    const adapter = { ...gpuAdapter, features: ["shader-f16"] as const, ...traits };
    if (refusal(op, variant, attrs, shapes, adapter)) continue;
    const { dispatches } = op.variants[variant](attrs, shapes, adapter);
    await loadPrograms(dispatches);
    for (const dispatch of dispatches) {
      const { code } = describeLaunch(dispatch).pipeline;
      const [rows, columns] = ["ROWS", "COLUMNS"].map(
        (side) => new RegExp(`TILE_${side}: u32 = (\\d+)u`).exec(code)?.[1],
      );
      if (rows) found.add(`${dispatch.kernel.program.name.replace(/_(tiles.*)/, "")} ${rows}x${columns}`);
    }
  }
  return found;
}

describe("the contract's cases", () => {
  const all = tileForms.map(named);
  const packed = packedForms.map(named);
  const expected: [string, string, string, string[]][] = [
    ["matmul", "tiles", "matmul", all],
    ["matmul", "tilesVec4", "matmul", all],
    ["matmul", "tilesW16", "matmul", all],
    ["matmul", "tilesF16", "matmul", packed],
    ["conv2d", "tiles", "conv2d", all],
    ["conv2d", "tilesVec4", "conv2d", all],
    ["conv2d", "tilesW16", "conv2d", all],
    ["conv2d", "tilesF16", "conv2d", packed],
    ["conv2dFilterGradient", "tiles", "conv2d_filter_gradient", all],
    ["conv2dFilterGradient", "tilesVec4", "conv2d_filter_gradient", all],
  ];
  for (const [op, variant, kernel, forms] of expected) {
    it(`reach every form of ${op} ${variant}`, async () => {
      const found = await reached(op, variant);
      expect(forms.filter((form) => !found.has(`${kernel} ${form}`))).toEqual([]);
    });
  }
});
