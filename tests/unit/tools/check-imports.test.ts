import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { wrongImports } from "../../../tools/check-imports.mjs";

let root = "";
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-imports-"));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true });
});

function check(file: string, text: string): string[] {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  fs.writeFileSync(path.join(root, file), text);
  return wrongImports(root);
}

test.each([
  ["src/gpu/device.ts", `import { Kernel } from "../kernels/kernel";`],
  ["src/gpu/device.ts", `import type { Kernel } from "../kernels/kernel";`],
  ["src/kernels/matmul/matmul.ts", `import {\n  a,\n  type B,\n} from "../../nn/graph";`],
  ["src/nn/compile/plan.ts", `export * from "../../train/fit";`],
  ["src/train/fit.ts", `const late = await import("../loaders/keras/load");`],
  ["src/train/fit.ts", `import "../index";`],
  ["src/loaders/keras/load.ts", `import { matmul } from "../../kernels/matmul/matmul";`],
  ["src/loaders/keras/load.ts", `import { fit } from "../../train/fit";`],
  ["src/cli/main.ts", `import { Graph } from "../nn/graph";`],
  ["demo/studio.ts", `import { load } from "../src/loaders/keras/load";`],
  ["src/nn/graph.ts", `import lodash from "lodash";`],
  ["src/train/data.ts", `import fs from "node:fs";`],
])("%s may not say %s", (file, text) => {
  expect(check(file, text)).toHaveLength(1);
  expect(check(file, text)[0]).toContain(file);
});

test.each([
  ["src/gpu/device.ts", `import { ThawError } from "../errors";`],
  ["src/gpu/node.ts", `const { create } = await import("webgpu");`],
  ["src/kernels/matmul/matmul.ts", `import source from "./matmul.wgsl?raw";\nimport { cost } from "../cost";`],
  ["src/nn/compile/plan.ts", `import { Recorder } from "../../gpu/recorder";\nimport { Graph } from "../graph";`],
  ["src/index.ts", `export { fit } from "./train/fit";\nexport { requestGpu } from "./gpu/device";`],
  ["src/loaders/keras/load.ts", `import type { Shape } from "../../kernels/shape";\nimport { unzip } from "fflate";`],
  ["src/cli/main.ts", `import { loadModel } from "../loaders";\nimport { Command } from "commander";`],
  [
    "demo/studio.ts",
    `import { requestGpu } from "../src/index";\nimport { loadModel } from "../src/loaders/index.ts";`,
  ],
])("%s may say %s", (file, text) => {
  expect(check(file, text)).toEqual([]);
});
