/** `thaw convert IN OUT`: a network from one format into another. */
import fs from "node:fs";
import path from "node:path";
import { formatBytes, ThawError, type Container } from "../index";
import {
  identify,
  loadModel,
  openSource,
  saveModel,
  withPreprocessing,
  type LoadOptions,
  type PreprocessingOption,
  type SaveFormat,
} from "../loaders/index";
import type { Io } from "./io";

export interface ConvertArguments {
  readonly format?: SaveFormat;
  readonly onnxLayout?: "NHWC" | "NCHW";
  readonly foldBatchNormalization?: boolean;
  /** True: what the network says of itself; a name: that. */
  readonly preprocessing?: boolean | Exclude<PreprocessingOption, object>;
  readonly inputShape?: readonly number[];
  readonly allowNonFinite?: boolean;
  /** Overwrites files that are there. */
  readonly force?: boolean;
  readonly json?: boolean;
}

interface Conversion {
  readonly input: { readonly file: string; readonly format: string; readonly bytes: number };
  readonly network: {
    readonly name: string;
    readonly layers: number;
    readonly parameters: number;
    readonly trainableParameters: number;
  };
  readonly output: readonly { readonly file: string; readonly bytes: number }[];
  readonly seconds: number;
}

/** @throws for what cannot be read, said in the other format, or written; then OUT is as it was. */
export async function convertCommand(from: string, to: string, options: ConvertArguments, io: Io): Promise<void> {
  const abort = new AbortController();
  const interrupt = () => abort.abort(new DOMException("interrupted", "AbortError"));
  process.once("SIGINT", interrupt);
  try {
    const done = await convert(from, to, options, abort.signal);
    io.out(options.json ? `${JSON.stringify(done, null, 2)}\n` : describe(done));
  } finally {
    process.off("SIGINT", interrupt);
  }
}

async function convert(from: string, to: string, options: ConvertArguments, signal: AbortSignal): Promise<Conversion> {
  const begin = performance.now();
  const { format, allowNonFinite = false, preprocessing, inputShape } = options;
  const target = targetPath(to, format);
  // saveModel says it too, when all work is done.
  if (!options.force && fs.statSync(target, { throwIfNoEntry: false })?.isFile()) throw refusal(to);
  const source = await openSource(from, { signal });
  const { bytes, format: kind } = await identify(source);
  const wanted: LoadOptions = {
    ...(inputShape && { inputShape }),
    ...(typeof preprocessing === "string" && { preprocessing }),
  };
  const model = await loadModel(source, wanted);
  const isOnnx = format === "onnx" || /\.onnx$/i.test(target);
  if (!isOnnx && (options.onnxLayout || options.foldBatchNormalization))
    throw new ThawError(to, "--onnx-layout and --fold-batch-normalization", "an ONNX file to write, e.g. net.onnx");
  const inFront = preprocessing !== undefined && preprocessing !== false;
  const saved = inFront && !isOnnx ? withPreprocessing(model) : model;
  const save = {
    ...(format && { format }),
    allowNonFinite,
    overwrite: options.force ?? false,
    signal,
    onnx: {
      ...(options.onnxLayout && { layout: options.onnxLayout }),
      foldBatchNormalization: options.foldBatchNormalization ?? false,
      preprocessing: inFront,
    },
  };
  const files = await saveModel(saved, target, save);
  const folder = target.replace(/[^/\\]*$/, "").replace(/^\.\//, "");
  return {
    input: { file: from, format: kind, bytes },
    network: networkOf(saved),
    output: files.map(({ name, bytes: { length } }) => ({ file: `${folder}${name}`, bytes: length })),
    seconds: (performance.now() - begin) / 1000,
  };
}

/** A folder that is there is meant as one; a format's name alone would write nothing. */
function targetPath(to: string, format: SaveFormat | undefined): string {
  const isFolder = fs.statSync(to, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isFolder && format === undefined)
    throw new ThawError(to, "is a folder", "the name of a file", "Add --format, and the file gets the network's name.");
  if (isFolder) return to.endsWith("/") ? to : `${to}/`;
  return path.dirname(to) === "." && !to.startsWith(".") ? `./${to}` : to;
}

function networkOf(model: Container): Conversion["network"] {
  const parameters = model.allParameters();
  const count = (list: typeof parameters) => list.reduce((sum, p) => sum + p.count, 0);
  return {
    name: model.name,
    layers: model.flatLayers().length,
    parameters: count(parameters),
    trainableParameters: count(parameters.filter((p) => p.trainable)),
  };
}

const refusal = (to: string) =>
  new ThawError(to, "is there already", "a name that is not taken", "Say --force to overwrite it.");

const thousands = (n: number) => n.toLocaleString("en");

function describe({ input, network, output, seconds }: Conversion): string {
  const { layers, parameters, trainableParameters: trainable } = network;
  const frozen = parameters === trainable ? "" : `, ${thousands(trainable)} of them trainable`;
  return [
    `read   ${input.file}: ${input.format}, ${formatBytes(input.bytes)}`,
    `       ${network.name}: ${layers} layers, ${thousands(parameters)} parameters${frozen}`,
    ...output.map(({ file, bytes }) => `wrote  ${file}: ${formatBytes(bytes)}`),
    `       in ${seconds.toFixed(1)} s`,
    "",
  ].join("\n");
}
