/** Reading ONNX files: networks of PyTorch, Keras and others into ordinary layers, in NHWC, every weight trainable. */
import { ThawError } from "../../errors";
import type { FunctionalModel } from "../../nn/model";
import type { Sequential } from "../../nn/sequential";
import { buildModel } from "./build/model";
import { evaluate } from "./evaluate";
import { readGraph } from "./graph";
import { readInputs, type InputOptions } from "./inputs";
import type { OnnxGraph } from "./ir";
import { producer, readMetadata, restored } from "./save/metadata";
import { checkOperators } from "./operators/index";
import { simplifyPatterns } from "./patterns/index";
import type { TensorReading } from "./proto/tensor";

export interface OnnxOptions extends InputOptions, TensorReading {}

/**
 * Reads an ONNX model (opset 7 to 22) as exported by PyTorch, Keras, tf2onnx and others.
 *
 * Images go in as [batch, height, width, channels], also where the file has channels first, and come out so. Layers are named after
 * the modules whose weights they hold (`layer1.0.conv1`), else after the file's nodes. A batch size in the file is
 * the export's; the model takes any.
 *
 * @throws ThawError for files that are truncated or damaged, types and operators that Thaw does not have (all named at once, with
 * counts), sizes left open, and whatever mixes the samples of a batch.
 */
export async function readOnnx(
  name: string,
  bytes: Uint8Array,
  options: OnnxOptions = {},
): Promise<FunctionalModel | Sequential> {
  const graph = await readOnnxGraph(name, bytes, options);
  const said = graph.producer === producer ? readMetadata(graph.metadata!) : undefined;
  if (said?.architecture && !options.inputShape) {
    const { restoreModel } = await import("./save/restore");
    const model = await restoreModel(name, graph);
    if (model) return restored(model, said);
  }
  checkOperators(name, graph);
  const { layouts, literalBatch } = readInputs(name, graph, options, said?.layout);
  try {
    const evaluated = evaluate(graph, layouts, literalBatch);
    const built = buildModel(name, graph, simplifyPatterns(graph, evaluated), layouts, literalBatch);
    return said ? restored(built.model, said, built.paths) : built.model;
  } catch (error) {
    if (error instanceof ThawError && !error.message.startsWith(name)) error.message = `${name}: ${error.message}`;
    throw error;
  }
}

/** The file's graph, and the operations that imported networks need; both are loaded when the first file comes. */
export async function readOnnxGraph(
  name: string,
  bytes: Uint8Array,
  reading?: TensorReading,
  since?: number,
): Promise<OnnxGraph> {
  const [{ readModelProto }, { registerMoreOperations }] = await Promise.all([
    import("./proto/read"),
    import("../../nn/more-operations"),
  ]);
  registerMoreOperations();
  return await readGraph(name, readModelProto(name, bytes), reading, since);
}
