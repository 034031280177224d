/** The graph as ONNX's messages and bytes. Loaded when the first ONNX file is written, and the protobuf library with it. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ThawError } from "../../../errors";
import { product } from "../host-tensor";
import {
  type AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "../proto/onnx_pb";
import type { SavedAttribute, SavedGraph, SavedPort, SavedTensor } from "./saved-graph";

/** Version 9 of the format came with opset 20: what reads the one reads the other. */
const irVersion = 9n;
export const opset = 20;

/** As ONNX numbers types of tensors and attributes. */
const tensorTypes = { float: 1, int64: 7 } as const;
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** Numbers of fields that hold the numbers, and what is around them: GraphProto.initializer, TensorProto.raw_data, ModelProto.graph. */
const fields = { graph: 7, initializer: 5, rawData: 9 } as const;

const encoder = new TextEncoder();
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function attribute(name: string, value: SavedAttribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === "number") return { name, type: attributeTypes.int, i: BigInt(value) };
  if (typeof value === "string") return { name, type: attributeTypes.string, s: encoder.encode(value) };
  if ("float" in value) return { name, type: attributeTypes.float, f: value.float };
  return { name, type: attributeTypes.ints, ints: value.map(BigInt) };
}

/** Numbers as the file holds them, least byte first. */
function rawData({ type, data }: SavedTensor): Uint8Array {
  const numbers = data();
  if (type === "float" && numbers instanceof Float32Array && littleEndian)
    return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const size = type === "float" ? 4 : 8;
  const view = new DataView(new ArrayBuffer(numbers.length * size));
  numbers.forEach((v, i) =>
    type === "float" ? view.setFloat32(i * size, v, true) : view.setBigInt64(i * size, BigInt(v), true),
  );
  return new Uint8Array(view.buffer);
}

const bytesOf = (t: SavedTensor): number => product(t.dims) * (t.type === "float" ? 4 : 8);

/** Inputs and outputs with the batch under one name everywhere. */
const port = ({ name, dims }: SavedPort): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  type: {
    tensorType: {
      elemType: tensorTypes.float,
      shape: {
        dim: dims.map((d) => ({
          value: d === "batch" ? { case: "dimParam", value: d } : { case: "dimValue", value: BigInt(d) },
        })),
      },
    },
  },
});

export interface Producer {
  readonly name: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A field that holds another message, or bytes, of this length. */
const begin = (field: number, length: number): Uint8Array =>
  new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();

const graphPart = (init: MessageInitShape<typeof GraphProtoSchema>) =>
  toBinary(GraphProtoSchema, create(GraphProtoSchema, init));
const modelPart = (init: MessageInitShape<typeof ModelProtoSchema>) =>
  toBinary(ModelProtoSchema, create(ModelProtoSchema, init));

/** Everything of an initializer but its numbers, which come last. */
function tensorHead(t: SavedTensor): Uint8Array[] {
  const head = create(TensorProtoSchema, { name: t.name, dims: t.dims.map(BigInt), dataType: tensorTypes[t.type] });
  const own = toBinary(TensorProtoSchema, head);
  const numbers = begin(fields.rawData, bytesOf(t));
  return [begin(fields.initializer, own.length + numbers.length + bytesOf(t)), own, numbers];
}

/**
 * The file. The same graph gives the same bytes, those that the protobuf library gives for the whole; only the numbers are put into
 * their place directly, so that weights are in memory once and not once for each message around them.
 */
export function encodeModel(graph: SavedGraph, producer: Producer): Uint8Array {
  const nodes = graphPart({
    name: graph.name,
    node: graph.nodes.map(({ name, op, inputs, outputs, attributes }) => ({
      name,
      opType: op,
      input: inputs,
      output: outputs,
      attribute: Object.keys(attributes)
        .toSorted()
        .map((key) => attribute(key, attributes[key])),
    })),
  });
  const ports = graphPart({ input: graph.inputs.map(port), output: graph.outputs.map(port) });
  const heads = graph.initializers.map(tensorHead);
  const weights = graph.initializers.reduce((sum, t, i) => sum + sizeOf(heads[i]) + bytesOf(t), 0);
  const before = [
    modelPart({ irVersion, producerName: producer.name }),
    begin(fields.graph, nodes.length + weights + ports.length),
    nodes,
  ];
  const after = [
    ports,
    modelPart({
      opsetImport: [{ domain: "", version: BigInt(opset) }],
      metadataProps: [...producer.metadata].map(([key, value]) => ({ key, value })),
    }),
  ];
  const file = new Uint8Array(sizeOf(before) + weights + sizeOf(after));
  let at = 0;
  const put = (bytes: Uint8Array) => {
    file.set(bytes, at);
    at += bytes.length;
  };
  before.forEach(put);
  graph.initializers.forEach((t, i) => {
    heads[i].forEach(put);
    const numbers = rawData(t);
    if (numbers.length !== bytesOf(t))
      throw new ThawError(
        t.name,
        `has ${numbers.length} bytes of numbers`,
        `${bytesOf(t)}, for [${t.dims.join(", ")}]`,
      );
    put(numbers);
  });
  after.forEach(put);
  return file;
}

const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, p) => sum + p.length, 0);
