/** The benchmark in Node: `node node.js [--quick] ...`, with ort.wasm and the package webgpu beside it and nothing else. */
import "./node-globals";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import type { BuildInfo } from "../result";
import { runSuite } from "../suite";
import { output, readArguments, say, usage } from "./output";

/** Put in when this file is built. */
declare const THAW_BENCH_BUILD: BuildInfo;

const started = performance.now();
try {
  const { json, quick, large, only, help } = readArguments(process.argv.slice(2));
  if (help) {
    console.log(usage);
    process.exit(0);
  }
  const { commit, versions, sizes, absent } = THAW_BENCH_BUILD;
  const wasm = fileURLToPath(new URL("ort.wasm", import.meta.url));
  const ort = fs.existsSync(wasm)
    ? { wasm: fs.readFileSync(wasm) }
    : { missing: "ort.wasm does not lie beside node.js" };
  const result = await runSuite({ quick, large, only }, { say, ort });
  const wanted = sizes.filter((row) => only.length === 0 || only.some((part) => row.id.includes(part)));
  output(
    {
      ...result,
      rows: [...result.rows, ...wanted],
      absent: { ...result.absent, ...absent },
      versions,
      commit,
      runtime: `node ${process.version}`,
      quick,
      seconds: (performance.now() - started) / 1000,
    },
    json,
  );
  process.exit(0); // Node's WebGPU keeps the process alive
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
