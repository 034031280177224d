/**
 * ONNX's own tests of single operators: a tiny model with whole tensors as inputs, none of them a batch. The operators' emitters
 * write it into one graph, whose batch is a 1 that belongs to no dimension, and its nodes run on the GPU one by one.
 */
import { ThawError } from "../../src/errors";
import type { Gpu } from "../../src/gpu/device";
import { Graph } from "../../src/nn/graph";
import { compute } from "../../src/loaders/onnx/evaluate";
import { readOnnxGraph } from "../../src/loaders/onnx/index";
import { isHost, product, type HostTensor, type Kind, type Numbers } from "../../src/loaders/onnx/host-tensor";
import type { OnnxGraph, OnnxNode } from "../../src/loaders/onnx/ir";
import { arrange, Emitter, type Operand } from "../../src/loaders/onnx/layout/emitter";
import { dimsOf, type Tensor } from "../../src/loaders/onnx/layout/tensor";
import { checkOperators } from "../../src/loaders/onnx/operators/index";
import { runForward } from "./run-graph";

export interface NodeTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** The model cannot be written at all: an operator, attribute or type that Thaw refuses. Nothing was run. */
export class Unsupported extends Error {}

/** Inputs that say what to do and not with what: shapes, axes, bounds. They are constants in every network. */
const settings: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  Tile: [1],
  Slice: [1, 2, 3, 4],
  Pad: [1, 2, 3],
  Clip: [1, 2],
  Squeeze: [1],
  Unsqueeze: [1],
  Split: [1],
  Resize: [1, 2, 3],
  Upsample: [1],
  TopK: [1],
  OneHot: [1],
  CumSum: [1],
  Dropout: [1, 2],
  Range: [0, 1, 2],
  ConstantOfShape: [0],
  Trilu: [1],
  CenterCropPad: [1],
};

const isSetting = (node: OnnxNode, i: number): boolean =>
  (node.op.startsWith("Reduce") && i === 1) || (settings[node.op]?.includes(i) ?? false);

const isSettingOnly = (graph: OnnxGraph, name: string): boolean => {
  const uses = graph.nodes.flatMap((n) => n.inputs.flatMap((input, i) => (input === name ? [isSetting(n, i)] : [])));
  return uses.length > 0 && uses.every(Boolean);
};

const numbers = (kind: Kind, data: ArrayLike<number>): Numbers =>
  kind === "float" ? Float32Array.from(data) : Float64Array.from(data, Number);

interface Written {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<number, Float32Array>;
  readonly outputs: readonly Operand[];
}

/** Writes the model for these inputs. @throws Unsupported */
async function write(bytes: Uint8Array, given: readonly NodeTensor[]): Promise<Written> {
  try {
    const model = await readOnnxGraph("model", bytes, undefined, 1);
    checkOperators("model", model);
    const graph = new Graph(1);
    const e = new Emitter(graph, 1, (g, constant, arrangement) =>
      g.constant(constant.weight ?? "constant", arrangement.shape, arrange(constant, arrangement)),
    );
    const values = new Map<string, Operand>(model.initializers);
    const inputs = new Map<number, Float32Array>();
    model.inputs.forEach(({ name, kind }, i) => {
      const x = given[i];
      if (!x) return;
      // What has no elements holds nothing to compute with.
      if (isSettingOnly(model, name) || product(x.dims) === 0) {
        values.set(name, { dims: x.dims, kind, data: numbers(kind, x.data) } satisfies HostTensor);
        return;
      }
      const value = graph.input(name, [1, ...x.dims]);
      inputs.set(value.id, Float32Array.from(x.data));
      values.set(name, { value, kind, shape: [1, ...x.dims], axes: x.dims.map((_, k) => [k + 1]) } satisfies Tensor);
    });
    for (const node of model.nodes) {
      const results = compute(
        e,
        node,
        node.inputs.map((input) => (input === "" ? undefined : values.get(input))),
      );
      node.outputs.forEach((output, i) => {
        if (output !== "" && results[i]) values.set(output, results[i]);
      });
    }
    const outputs = model.outputs.map((name) => {
      const x = values.get(name);
      if (!x) throw new ThawError("model", `its output ${name} is not computed`, "all outputs");
      return isHost(x) ? x : { ...e.plain(x), value: e.memory(e.plain(x)) };
    });
    return { graph, inputs, outputs };
  } catch (error) {
    if (error instanceof ThawError) throw new Unsupported(error.message, { cause: error });
    throw error;
  }
}

/** Why a test cannot run here; undefined where it can. */
export async function unsupportedReason(
  modelBytes: Uint8Array,
  inputs: readonly NodeTensor[],
): Promise<string | undefined> {
  try {
    await write(modelBytes, inputs);
    return undefined;
  } catch (error) {
    if (error instanceof Unsupported) return error.message;
    throw error;
  }
}

/**
 * Runs a model of ONNX's node tests on the GPU.
 *
 * @param inputs in the order of the model's inputs; whole numbers and truth values as numbers.
 * @throws Unsupported for what Thaw refuses, with the reason.
 */
export async function runNodeTest(
  gpu: Gpu,
  modelBytes: Uint8Array,
  inputs: readonly NodeTensor[],
): Promise<{ dims: number[]; data: Float32Array }[]> {
  const { graph, inputs: samples, outputs } = await write(modelBytes, inputs);
  const data = new Map(samples);
  await runForward(gpu, graph, data);
  return outputs.map((x) => {
    if (isHost(x)) return { dims: [...x.dims], data: Float32Array.from(x.data) };
    return { dims: dimsOf(x), data: data.get(x.value.id)! };
  });
}
