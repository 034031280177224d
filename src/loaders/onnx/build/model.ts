/** From live nodes to a functional model. */
import { FunctionalModel, input } from "../../../nn/model";
import type { SymbolicTensor } from "../../../nn/symbolic";
import { ThawError } from "../../../errors";
import { batchSize, type Evaluated } from "../evaluate";
import type { OnnxGraph } from "../ir";
import { producer } from "../save/metadata";
import { dimsOf, type Layout } from "../layout/tensor";
import { Builder, isBuilt, type Built } from "./builder";
import { makeLayer } from "./layers";

/**
 * @returns also which layer of the file each layer is part of, where it is a file of Thaw's
 * @throws for outputs that do not depend on the samples.
 */
export function buildModel(
  name: string,
  graph: OnnxGraph,
  evaluated: Evaluated,
  layouts: ReadonlyMap<string, Layout>,
  literalBatch: number,
): { model: FunctionalModel; paths: ReadonlyMap<string, string> } {
  const own = graph.producer === producer;
  const read = new Set([...graph.outputs, ...evaluated.live.flatMap((node) => node.inputs)]);
  const b = new Builder(literalBatch, read, own);
  for (const [constant, tensor] of evaluated.constants) b.set(constant, tensor);
  const inputs: SymbolicTensor[] = [];
  for (const [name, layout] of layouts) {
    const symbolic = input(layout.shape.slice(1), { name: b.names.take(name) });
    inputs.push(symbolic);
    b.set(name, { symbolic, layout });
  }
  for (const node of evaluated.live) {
    const made = makeLayer(b, node);
    const results = made ? [made] : b.operation(node, b.inputs(node));
    // Constant outputs of a node that also computes are known already.
    const computed = node.outputs.filter((output) => output !== "" && evaluated.dims.has(output));
    computed.forEach((output, i) => b.set(output, results[i]));
  }
  const outputs = graph.outputs.map((output) => {
    const found = b.get(output);
    if (!isBuilt(found))
      throw new ThawError(name, `its output ${output} is a constant`, "outputs that are computed from the samples");
    return finished(b, output, found);
  });
  const model = new FunctionalModel({ inputs, outputs, name: (own && graph.name) || modelName(name) });
  return { model, paths: b.names.wanted };
}

/** `models/resnet18.onnx` -> resnet18 */
const modelName = (name: string): string =>
  name
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.onnx$/i, "") || "model";

/** Images stay [batch, height, width, channels]; everything else as ONNX has it. */
function finished(b: Builder, output: string, x: Built): SymbolicTensor {
  const node = { name: output, op: "Output", domain: "", opset: 0, inputs: [], outputs: [], attributes: new Map() };
  const { axes } = x.layout;
  if (axes[0]?.length !== 1 || axes[0][0] !== 0 || dimsOf(x.layout)[0] !== batchSize)
    throw new ThawError(
      output,
      `as an output has the dimensions [${dimsOf(x.layout).join(", ").replaceAll(String(batchSize), "batch")}]`,
      "the batch as the first",
    );
  const isImage = axes.length === 4 && axes[1].at(-1) === x.layout.shape.length - 1;
  const rest = axes.map((_, i) => i).slice(1);
  return b.bring(node, x, isImage ? [2, 3, 1] : rest);
}
