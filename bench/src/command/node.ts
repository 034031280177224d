/** The benchmark in Node: `node node.js [--quick] ...`, with the package webgpu beside it and nothing else. */
import "./node-globals";
import type { BuildInfo } from "../result";
import { runSuite } from "../suite";
import { output, readArguments, say } from "./output";

/** Put in when this file is built. */
declare const THAW_BENCH_BUILD: BuildInfo;

const started = performance.now();
try {
  const { json, quick, large, only } = readArguments(process.argv.slice(2));
  const { commit, versions, sizes, absent } = THAW_BENCH_BUILD;
  const ort = { missing: "its WebGPU provider asks for a page" };
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
