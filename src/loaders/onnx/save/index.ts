/** Writing ONNX files: a network as ONNX Runtime and other tools take it, every weight under its own name. */
import { ThawError } from "../../../errors";
import type { Container } from "../../../nn/model";
import { product } from "../host-tensor";
import type { SavedGraph } from "./saved-graph";
import { describeArchitecture } from "./architecture";
import { metadataOf, producer } from "./metadata";
import { writeGraph, type GraphOptions } from "./write-graph";

export type OnnxLayout = "NCHW" | "NHWC";

export interface WriteOnnxOptions {
  /**
   * How images go in and come out. "NCHW", the default, is how ONNX's own operators take them and what its tools feed, so that no
   * transpose stands in the network; "NHWC" is how Thaw and Keras hold images, and costs one transpose at the beginning.
   */
  readonly layout?: OnnxLayout;
  /** Takes batch normalizations into the weights before them, for inference alone; default false: they stay layers that can be trained. */
  readonly foldBatchNormalization?: boolean;
  /** Puts what `model.preprocessing` says in front, so that the network takes pixels of 0 to 255, red first; default false. */
  readonly preprocessing?: boolean;
}

/** What a protobuf message can hold: lengths are signed 32-bit numbers in the libraries that read it. */
const largest = 2 ** 31 - 1;

/** Names, nodes and sizes beside the numbers. */
const margin = 2 ** 20;

function checkSize(model: Container, graph: SavedGraph): void {
  const bytes = graph.initializers.reduce((sum, t) => sum + product(t.dims) * (t.type === "float" ? 4 : 8), 0);
  if (bytes + margin > largest)
    throw new ThawError(
      model.name,
      `its weights take ${(bytes / 2 ** 30).toFixed(2)} GiB`,
      "less than 2 GiB, the largest ONNX file",
      "Save it as .keras or safetensors, which have no such limit.",
    );
}

/**
 * The model as an ONNX file (opset 20, IR version 9), in inference mode, with an open batch size. The same model gives the same bytes.
 *
 * Weights are bit for bit those of the model under their own names (`conv1/kernel`), with filters turned from [kh, kw, in, out] to
 * [out, in, kh, kw] (depthwise [kh, kw, in, multiplier] to [in * multiplier, 1, kh, kw]); matrices of dense layers stay [in, out].
 * A compiled model is written as `readWeights()` last left it.
 *
 * @throws ThawError for what ONNX cannot say (the layer is named), names that collide, and more than 2 GiB; nothing is written then.
 * @example const bytes = await writeOnnx(model, { layout: "NHWC" });
 */
export async function writeOnnx(model: Container, options: WriteOnnxOptions = {}): Promise<Uint8Array> {
  const [{ encodeModel }, { registerMoreOperations }] = await Promise.all([
    import("./proto"),
    import("../../../nn/more-operations"),
  ]);
  registerMoreOperations();
  const complete: GraphOptions = {
    layout: options.layout ?? "NCHW",
    foldBatchNormalization: options.foldBatchNormalization ?? false,
    preprocessing: options.preprocessing ?? false,
  };
  if (complete.layout !== "NCHW" && complete.layout !== "NHWC")
    throw new ThawError(model.name, `was asked for in the layout ${JSON.stringify(options.layout)}`, "NCHW or NHWC");
  const graph = writeGraph(model, complete);
  checkSize(model, graph);
  const whole = !complete.foldBatchNormalization && !complete.preprocessing;
  const architecture = whole ? describeArchitecture(model) : undefined;
  return encodeModel(graph, { name: producer, metadata: metadataOf(model, complete, architecture) });
}
