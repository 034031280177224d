/**
 * The model that a file of Thaw's was written from. The file's architecture is believed only where writing that model again gives the
 * very nodes of the file, so that what other tools changed is read as any ONNX file is.
 */
import type { FunctionalModel } from "../../../nn/model";
import type { Sequential } from "../../../nn/sequential";
import { loadMoreLayers, moreLayerNames } from "../../keras/more-layers";
import { isHost, permuted, product, type HostTensor } from "../host-tensor";
import type { AttributeValue, OnnxGraph, OnnxNode } from "../ir";
import { buildArchitecture } from "./architecture";
import { metadataKeys } from "./metadata";
import { isPlain, same } from "./order";
import type { SavedAttribute, SavedGraph, SavedNode, SavedTensor } from "./saved-graph";
import { writeGraph } from "./write-graph";

/** @returns undefined where the file does not say its architecture, or says another one than its graph. */
export async function restoreModel(name: string, graph: OnnxGraph): Promise<FunctionalModel | Sequential | undefined> {
  const text = graph.metadata?.get(metadataKeys.architecture);
  const layout = graph.metadata?.get(metadataKeys.layout);
  if (text === undefined || (layout !== "NCHW" && layout !== "NHWC")) return undefined;
  if (moreLayerNames.some((className) => text.includes(`"${className}"`))) await loadMoreLayers();
  try {
    const model = buildArchitecture(name, text, 4 * graph.nodes.length + 1000);
    const written = writeGraph(model, { layout, foldBatchNormalization: false, preprocessing: false });
    if (!isSame(written, graph)) return undefined;
    takeWeights(written, graph);
    return model;
  } catch {
    // Layers that this version does not know, a factory of the user's that refuses, damaged text: the graph is there all the same.
    return undefined;
  }
}

function isSame(written: SavedGraph, graph: OnnxGraph): boolean {
  return (
    written.nodes.length === graph.nodes.length &&
    written.nodes.every((node, i) => isSameNode(node, graph.nodes[i])) &&
    sameTexts(
      written.outputs.map((o) => o.name),
      graph.outputs,
    ) &&
    written.inputs.length === graph.inputs.length &&
    written.inputs.every(({ name, dims }, i) => {
      const read = graph.inputs[i];
      return name === read.name && read.kind === "float" && dims.every((d, k) => d === "batch" || d === read.dims?.[k]);
    }) &&
    written.initializers.length === graph.initializers.size &&
    written.initializers.every((t) => isSameTensor(t, graph.initializers.get(t.name)))
  );
}

const sameTexts = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((v, i) => v === b[i]);

function isSameNode(written: SavedNode, read: OnnxNode): boolean {
  const keys = Object.keys(written.attributes);
  return (
    written.name === read.name &&
    written.op === read.op &&
    read.domain === "" &&
    sameTexts(written.inputs, read.inputs) &&
    sameTexts(written.outputs, read.outputs) &&
    keys.length === read.attributes.size &&
    keys.every((key) => isSameAttribute(written.attributes[key], read.attributes.get(key)))
  );
}

function isSameAttribute(written: SavedAttribute, read: AttributeValue | undefined): boolean {
  if (typeof written === "string" || typeof written === "number") return written === read;
  if ("float" in written) return typeof read === "number" && Math.fround(read) === written.float;
  return Array.isArray(read) && same(written, read as number[]);
}

/** Weights may be others, trained elsewhere; everything else is part of the architecture. */
function isSameTensor(written: SavedTensor, read: HostTensor | undefined): boolean {
  if (
    !read ||
    !isHost(read) ||
    !same(written.dims, read.dims) ||
    read.kind !== (written.type === "float" ? "float" : "int")
  )
    return false;
  if (written.weight) return true;
  const numbers = written.data();
  return (
    numbers.length === read.data.length && numbers.every((v, i) => Object.is(v, read.data[i]) || v === read.data[i])
  );
}

/** Weights in the model's own order. */
function takeWeights(written: SavedGraph, graph: OnnxGraph): void {
  for (const { name, weight } of written.initializers) {
    if (!weight) continue;
    const { parameter, dims, order } = weight;
    const { data } = graph.initializers.get(name)!;
    if (data.length !== product(dims)) throw new RangeError(`${name} has ${data.length} numbers`);
    const lies = order.map((d) => dims[d]);
    const back = isPlain(order)
      ? data
      : permuted(
          data,
          lies,
          order.map((_, d) => order.indexOf(d)),
        );
    parameter.value = Float32Array.from(back);
  }
}
