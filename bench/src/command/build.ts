/** Everything Vite builds for the benchmark: pages, the file for Node, and bundles of which only the size is wanted. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { build, type InlineConfig, type Plugin, type Rollup } from "vite";
import { installBenchPackages, installedVersion } from "../../../tools/bench-packages.mjs";
import { cases } from "../../../tools/vite-plugin-cases.mjs";
import { wgsl } from "../../../tools/vite-plugin-wgsl.mjs";
import type { WeightEntry } from "../pages/load";
import { smallNetwork } from "../networks";
import { ratioOf, type BuildInfo, type Row } from "../result";
import { batchOf } from "../rows/batch";
import { buildThaw } from "../systems/thaw";

export interface Places {
  /** Of the repository. */
  readonly root: string;
  /** bench/ */
  readonly bench: string;
  /** Where everything is built: bench/dist/. */
  readonly out: string;
}

/** Installs the peers into bench/node_modules where they are missing or not the locked ones. */
export function installPeers({ bench }: Places, say: (text: string) => void): void {
  installBenchPackages(bench, say);
}

const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, "utf8"));

export function readVersions({ root, bench }: Places): Record<string, string> {
  const { version } = readJson(path.join(root, "package.json")) as { version: string };
  const of = (name: string) => installedVersion(bench, name)!;
  return { thaw: version, tfjs: of("@tensorflow/tfjs-core"), jaxjs: of("@jax-js/jax"), ort: of("onnxruntime-web") };
}

/** Short hash of the commit, with a mark where the sources differ from it. */
export function readCommit({ root }: Places): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""}`;
  } catch {
    return "unknown: no git here";
  }
}

const common = (root: string): InlineConfig => ({
  configFile: false,
  root,
  base: "./",
  publicDir: false,
  logLevel: "error",
  plugins: [wgsl(), cases()],
});

/** One page, with nothing in it that only others need. */
export async function buildPage({ bench, out }: Places, name: string): Promise<void> {
  const pages = path.join(bench, "src/pages");
  await build({
    ...common(pages),
    build: {
      outDir: path.join(out, name),
      emptyOutDir: true,
      target: "es2022",
      chunkSizeWarningLimit: 100_000,
      reportCompressedSize: false,
      rolldownOptions: { input: path.join(pages, `${name}.html`), external: ["webgpu"] },
    },
  });
}

/** A page of `load/first-step`, with weights and a batch beside it. */
export async function buildLoadPage(places: Places, name: string): Promise<void> {
  await buildPage(places, name);
  const folder = path.join(places.out, name);
  const parameters = buildThaw(smallNetwork).layers.flatMap((layer) =>
    layer.parameters.map(({ name: parameter, value }) => ({ layer: layer.name, name: parameter, value })),
  );
  const entries = parameters.map(({ value, ...entry }): WeightEntry => ({ ...entry, count: value.length }));
  fs.writeFileSync(path.join(folder, "weights.json"), JSON.stringify(entries));
  const bytes = parameters.map(({ value }) => Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  fs.writeFileSync(path.join(folder, "weights.bin"), Buffer.concat(bytes));
  fs.writeFileSync(path.join(folder, "batch.bin"), Buffer.from((batchOf(smallNetwork).x as Float32Array).buffer));
}

/**
 * One file with everything in it but Node's WebGPU, and ONNX Runtime's WebAssembly beside it: the peers' modules do not load
 * in Node as they are, and a machine with a GPU and neither browser nor network can be given the two.
 */
export async function buildNodeFile({ root, bench, out }: Places, info: BuildInfo): Promise<string> {
  const outDir = path.join(out, "node");
  await build({
    ...common(root),
    ssr: { noExternal: true, external: ["webgpu"] },
    define: { THAW_BENCH_BUILD: JSON.stringify(info) },
    build: {
      ssr: path.join(bench, "src/command/node.ts"),
      outDir,
      emptyOutDir: true,
      target: "node20",
      minify: false,
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const wasm = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm";
  fs.copyFileSync(path.join(bench, wasm), path.join(outDir, "ort.wasm"));
  return path.join(outDir, "node.js");
}

/** What loads a file in a process of its own; parsers are loaded on demand from node_modules, as in an installed package. */
export async function buildFileChild({ root, bench, out }: Places): Promise<string> {
  const outDir = path.join(out, "files");
  await build({
    ...common(root),
    ssr: { noExternal: true, external: ["webgpu", "h5wasm", "fflate", "@bufbuild/protobuf"] },
    build: {
      ssr: path.join(bench, "src/files/child.ts"),
      outDir,
      emptyOutDir: true,
      target: "node20",
      minify: false,
    },
  });
  return path.join(outDir, "child.js");
}

interface Size {
  /** Minified and gzipped bytes of what a page loads at first. */
  readonly first: number;
  readonly minified: number;
  /** Of what it loads on demand. */
  readonly later: number;
}

/** Vite's own helper for `import()`, which a page has once, and only where Vite has built it. */
const withoutPreloadHelper: Plugin = {
  name: "bench:no-preload-helper",
  enforce: "pre",
  load: (id) => (id === "\0vite/preload-helper.js" ? "export const __vitePreload = (load) => load();" : undefined),
};

/** @param source an entry; everything it exports is kept. @param needed chunks loaded on demand that count as loaded at first. */
async function sizeOf({ root, bench }: Places, source: string, needed?: RegExp): Promise<Size> {
  const entry = "virtual:entry";
  const output = (await build({
    ...common(bench),
    plugins: [
      wgsl(),
      cases(),
      withoutPreloadHelper,
      {
        name: "bench:entry",
        resolveId: (id) => (id === entry ? path.join(root, "bench/entry.js") : undefined),
        load: (id) => (id === path.join(root, "bench/entry.js") ? source : undefined),
      },
    ],
    build: {
      write: false,
      target: "es2022",
      reportCompressedSize: false,
      modulePreload: false,
      rolldownOptions: { input: entry, external: ["webgpu", /^node:/], preserveEntrySignatures: "allow-extension" },
    },
  })) as Rollup.RollupOutput;
  const chunks = output.output.filter((item) => item.type === "chunk");
  const first = new Set<string>();
  const visit = (name: string) => {
    if (first.has(name)) return;
    first.add(name);
    chunks.find((chunk) => chunk.fileName === name)?.imports.forEach(visit);
  };
  chunks.filter((chunk) => chunk.isEntry || needed?.test(chunk.fileName)).forEach((chunk) => visit(chunk.fileName));
  const gzip = (code: string) => zlib.gzipSync(code, { level: 9 }).length;
  const sum = (wanted: boolean, count: (code: string) => number) =>
    chunks.filter((c) => first.has(c.fileName) === wanted).reduce((n, c) => n + count(c.code), 0);
  return {
    first: sum(true, gzip),
    minified: sum(true, (code) => Buffer.byteLength(code)),
    later: sum(false, gzip),
  };
}

/** Files of src/kernels/programs/ that training a MobileNetV2 loads on a kind of adapter. */
const programsOf = (adapter: "gpu" | "software") => new RegExp(`/(batchNorm|depthwise|training|${adapter})-`);

const reExport = (...names: string[]) => names.map((name) => `export * from ${JSON.stringify(name)};`).join("\n");

export async function sizeRows(places: Places): Promise<Row[]> {
  const source = (file: string) => path.join(places.root, "src", file);
  const core = await sizeOf(places, reExport(source("index.ts")));
  const onGpu = await sizeOf(places, reExport(source("index.ts")), programsOf("gpu"));
  const onSoftware = await sizeOf(places, reExport(source("index.ts")), programsOf("software"));
  const loaders = await sizeOf(places, reExport(source("index.ts"), source("loaders/index.ts")));
  const tfjs = await sizeOf(
    places,
    [
      `import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";`,
      `import "@tensorflow/tfjs-core/dist/register_all_gradients";`,
      `export * as core from "@tensorflow/tfjs-core";`,
      `export * as layers from "@tensorflow/tfjs-layers";`,
      `export * as webgpu from "@tensorflow/tfjs-backend-webgpu";`,
    ].join("\n"),
  );
  const jaxjs = await sizeOf(places, reExport("@jax-js/jax"), /webgpu/); // which every user of a GPU loads
  const row = (id: string, thaw: Size, note: string): Row => ({
    id,
    unit: "bytes",
    thaw: thaw.first,
    tfjs: tfjs.first,
    jaxjs: jaxjs.first,
    ratio: ratioOf(thaw.first, tfjs.first),
    note: `minified, gzip -9, everything that is exported; ${note}; published for TF.js: 220 KB, for jax-js: 103 KB`,
    details: { thawMinified: thaw.minified, thawOnDemand: thaw.later, tfjsMinified: tfjs.minified },
  });
  const withPrograms = onGpu.first > onSoftware.first ? onGpu : onSoftware;
  return [
    row("size/core", core, "WGSL not included: compile() loads what it needs of it"),
    row(
      "size/core+wgsl",
      withPrograms,
      `and the WGSL files that a MobileNetV2 loads to train on a GPU (${onGpu.first} bytes) or a software adapter (${onSoftware.first})`,
    ),
    row("size/core+loaders", loaders, "WGSL not included"),
  ];
}
