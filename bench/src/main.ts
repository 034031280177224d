/** The command: runs the suite in Node, prints the table, writes the file. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { create, globals } from "webgpu";
import type { Row } from "./suite";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "string" },
    runtime: { type: "string", default: "node" },
  },
});
if (values.runtime !== "node") throw new Error(`bench: runtime ${values.runtime}; expected node (a page comes later)`);

// TF.js looks for window, navigator.gpu and WebGPU's classes when it is loaded, as in a page.
Object.assign(globalThis, globals, { window: globalThis });
const gpu = create([]);
Object.defineProperty(globalThis, "navigator", {
  value: { ...globalThis.navigator, gpu, userAgent: "node" },
  configurable: true,
});

const { runSuite } = await import("./suite");
const started = performance.now();
const result = await runSuite({ quick: values.quick, only: values.only }, (text) =>
  process.stderr.write(`  ${text}\n`),
);
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();

const number = (v: number): string => (v >= 1000 ? Math.round(v).toLocaleString("en") : v.toPrecision(3));
const cell = (v: Row["thaw"] | undefined): string => {
  if (v === undefined) return "-";
  return typeof v === "number" ? number(v) : `${number(v.median)} ±${number(v.spread)}`;
};
const line = (...cells: string[]) =>
  console.log(cells.map((c, i) => (i === 0 ? c.padEnd(40) : c.padStart(18))).join(""));
console.log(
  `${result.adapter}; peak ${number(result.peaks.gflops)} GFLOP/s, copy ${number(result.peaks.gbps)} GB/s; commit ${commit}`,
);
line("row", "Thaw", `TF.js ${result.versions.tfjs}`, "ratio", "GFLOP/s", "of peak");
for (const row of result.rows) {
  line(
    row.id,
    cell(row.thaw),
    cell(row.tfjs),
    row.ratio === undefined ? "" : `${number(row.ratio)} x`,
    row.gflops === undefined ? "" : number(row.gflops),
    row.shareOfPeak === undefined ? "" : `${(100 * row.shareOfPeak).toFixed(0)} %`,
  );
}
console.log(`${((performance.now() - started) / 1000).toFixed(0)} seconds`);
if (values.json) {
  fs.mkdirSync(path.dirname(path.resolve(values.json)), { recursive: true });
  fs.writeFileSync(values.json, `${JSON.stringify({ ...result, commit, node: process.version }, null, 2)}\n`);
}
process.exit(0);
