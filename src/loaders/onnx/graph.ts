/** The graph of an ONNX model as plain data: what the messages say, checked, with functions replaced by their bodies. */
import { ThawError } from "../../errors";
import { inlineFunctions } from "./functions";
import { hostTensor, type HostTensor } from "./host-tensor";
import {
  functionKey,
  isGraph,
  referencePrefix,
  type AttributeValue,
  type OnnxGraph,
  type OnnxInput,
  type OnnxNode,
} from "./ir";
import { kindOf, readTensor, type TensorReading } from "./proto/tensor";
import type { AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto } from "./proto/onnx_pb";

/** ONNX's own operators go under two names. */
const domainOf = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

/** Versions between which Thaw knows what operators mean. */
const oldest = 7;

/**
 * @param since the first version of ONNX's operators that is taken.
 * @throws for unreadable tensors, sparse ones, names given twice, values that nobody makes, and cycles.
 */
export async function readGraph(
  name: string,
  model: ModelProto,
  reading: TensorReading = {},
  since = oldest,
): Promise<OnnxGraph> {
  const opsets = new Map(model.opsetImport.map((o) => [domainOf(o.domain), Number(o.version)]));
  const own = opsets.get("");
  const standard = model.graph!.node.some((n) => domainOf(n.domain) === "");
  if (standard && (own === undefined || own < since))
    throw new ThawError(
      name,
      `uses version ${own ?? "none"} of ONNX's operators`,
      `opset ${oldest} or later`,
      "Export the model again with a newer exporter, or convert it with onnx.version_converter.",
    );
  const graph = await convertGraph(name, model.graph!, opsets, reading);
  const functions = await Promise.all(
    model.functions.map(async (f) => {
      const versions = new Map([
        ...opsets,
        ...f.opsetImport.map((o) => [domainOf(o.domain), Number(o.version)] as const),
      ]);
      return {
        key: functionKey(domainOf(f.domain), f.name),
        inputs: f.input,
        outputs: f.output,
        defaults: await convertAttributes(`${name}/${f.name}`, f.attributeProto, versions, reading),
        nodes: await Promise.all(f.node.map((n) => convertNode(`${name}/${f.name}`, n, versions, reading))),
      };
    }),
  );
  const whole = {
    ...graph,
    nodes: inlineFunctions(name, graph.nodes, functions),
    producer: model.producerName,
    name: model.graph!.name,
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
  };
  return { ...whole, nodes: ordered(name, whole), initializers: withOwners(whole) };
}

/** What gives its weights to a layer, each to one parameter. Others may hand a tensor on as it is. */
const owners = new Set(["Conv", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization"]);

/** Only what one node reads, and nothing else at all, may be rearranged where it lies. */
function withOwners(graph: OnnxGraph): ReadonlyMap<string, HostTensor> {
  const readers = new Map<string, number>(graph.outputs.map((output) => [output, Infinity]));
  const visit = (nodes: readonly OnnxNode[]): void => {
    for (const { op, domain, inputs, attributes } of nodes) {
      const reads = owners.has(op) && domain === "" ? 1 : Infinity;
      for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + reads);
      for (const value of attributes.values())
        if (isGraph(value)) {
          for (const output of value.outputs) readers.set(output, Infinity);
          visit(value.nodes);
        }
    }
  };
  visit(graph.nodes);
  const entries = [...graph.initializers].map(([name, tensor]) => {
    const own = tensor.own && readers.get(name) === 1;
    return [name, own ? tensor : asWeight(tensor, name, false)] as const;
  });
  return new Map(entries);
}

async function convertGraph(
  name: string,
  proto: GraphProto,
  opsets: ReadonlyMap<string, number>,
  reading: TensorReading,
): Promise<OnnxGraph> {
  if (proto.sparseInitializer.length > 0)
    throw new ThawError(
      name,
      `has ${proto.sparseInitializer.length} sparse initializers`,
      "dense ones",
      "Export the model without sparsity.",
    );
  const initializers = new Map<string, HostTensor>();
  for (const tensor of proto.initializer) {
    if (initializers.has(tensor.name))
      throw new ThawError(name, `has two initializers ${JSON.stringify(tensor.name)}`, "names that are given once");
    const read = await readTensor(`${name}/${tensor.name}`, tensor, reading);
    initializers.set(tensor.name, asWeight(read, tensor.name));
  }
  return {
    nodes: await Promise.all(proto.node.map((n) => convertNode(name, n, opsets, reading))),
    initializers,
    inputs: proto.input.filter((i) => !initializers.has(i.name)).map((i) => convertInput(name, i)),
    outputs: proto.output.map((o) => o.name),
  };
}

/** The same tensor, decoded when it is needed, known as a weight. */
function asWeight(tensor: HostTensor, weight: string, own = tensor.own ?? false): HostTensor {
  return {
    dims: tensor.dims,
    kind: tensor.kind,
    weight,
    own,
    get data() {
      return tensor.data;
    },
  };
}

function convertInput(name: string, { name: input, type }: ValueInfoProto): OnnxInput {
  const tensor = type?.tensorType;
  if (!tensor) throw new ThawError(name, `the input ${JSON.stringify(input)} is no tensor`, "tensors as inputs");
  const kind = kindOf(tensor.elemType);
  if (!kind)
    throw new ThawError(
      name,
      `the input ${JSON.stringify(input)} has element type ${tensor.elemType}`,
      "float32 or another type of numbers",
    );
  const dims = tensor.shape?.dim.map(({ value }) => {
    if (value.case === "dimParam") return value.value;
    if (value.case === undefined) return undefined;
    const size = Number(value.value);
    // 0 stands for a size left open with some exporters.
    if (size < 0 || size > 2 ** 31)
      throw new ThawError(
        name,
        `the input ${JSON.stringify(input)} has a dimension of ${size}`,
        "sizes from 1 to 2^31",
      );
    return size === 0 ? undefined : size;
  });
  return { name: input, dims, kind };
}

async function convertNode(
  name: string,
  proto: NodeProto,
  opsets: ReadonlyMap<string, number>,
  reading: TensorReading,
): Promise<OnnxNode> {
  const domain = domainOf(proto.domain);
  const node = proto.name || proto.output[0] || proto.opType;
  return {
    name: node,
    op: proto.opType,
    domain,
    opset: opsets.get(domain) ?? 1,
    inputs: proto.input,
    outputs: proto.output,
    attributes: await convertAttributes(`${name}/${node}`, proto.attribute, opsets, reading),
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function convertAttributes(
  who: string,
  protos: readonly AttributeProto[],
  opsets: ReadonlyMap<string, number>,
  reading: TensorReading,
): Promise<Map<string, AttributeValue>> {
  const result = new Map<string, AttributeValue>();
  for (const a of protos) {
    if (a.refAttrName) result.set(`${referencePrefix}${a.name}`, a.refAttrName);
    else result.set(a.name, await convertAttribute(`${who}.${a.name}`, a, opsets, reading));
  }
  return result;
}

/** By AttributeProto.AttributeType. */
async function convertAttribute(
  who: string,
  a: AttributeProto,
  opsets: ReadonlyMap<string, number>,
  reading: TensorReading,
): Promise<AttributeValue> {
  const lent = { ...reading, owned: false }; // who reads them is not counted
  switch (a.type) {
    case 1:
      return a.f;
    case 2:
      return Number(a.i);
    case 3:
      return text(a.s);
    case 4:
      return a.t ? await readTensor(who, a.t, lent) : hostTensor([0], "float", new Float32Array());
    case 5:
      if (a.g) return await convertGraph(who, a.g, opsets, lent);
      break;
    case 6:
      return a.floats;
    case 7:
      return a.ints.map(Number);
    case 8:
      return a.strings.map(text);
  }
  throw new ThawError(
    who,
    `is an attribute of type ${a.type}`,
    "numbers, texts, a tensor, a graph, or lists of numbers and texts",
  );
}

/** Nodes so that each stands behind those it reads from; the file has them so, and one that has not is refused. */
function ordered(name: string, graph: OnnxGraph): readonly OnnxNode[] {
  const known = new Set<string>(["", ...graph.initializers.keys(), ...graph.inputs.map((i) => i.name)]);
  const made = new Set(graph.nodes.flatMap((n) => n.outputs));
  for (const node of graph.nodes) {
    const missing = node.inputs.find((input) => !known.has(input));
    if (missing !== undefined)
      throw new ThawError(
        `${name}/${node.name}`,
        `reads ${JSON.stringify(missing)}, ${made.has(missing) ? "which is made later: the graph has a cycle or is out of order" : "which nothing makes"}`,
        "values that are inputs, initializers or made by earlier nodes",
      );
    for (const output of node.outputs) {
      if (output === "") continue;
      if (known.has(output))
        throw new ThawError(
          `${name}/${node.name}`,
          `makes ${JSON.stringify(output)}, which exists already`,
          "names that are given once",
        );
      known.add(output);
    }
  }
  const missing = graph.outputs.find((o) => !known.has(o));
  if (missing !== undefined)
    throw new ThawError(name, `its output ${JSON.stringify(missing)} is made by no node`, "outputs that exist");
  return graph.nodes;
}
