/** The graph as ONNX's messages and bytes. Loaded when the first ONNX file is written, and the protobuf library with it. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "../proto/onnx_pb";
import type { SavedAttribute, SavedGraph, SavedPort, SavedTensor } from "./saved-graph";

/** Version 9 of the format came with opset 20: what reads the one reads the other. */
const irVersion = 9n;
export const opset = 20;

/** As ONNX numbers types of tensors and attributes. */
const tensorTypes = { float: 1, int64: 7 } as const;
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

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

const tensor = (t: SavedTensor): MessageInitShape<typeof TensorProtoSchema> => ({
  name: t.name,
  dims: t.dims.map(BigInt),
  dataType: tensorTypes[t.type],
  rawData: rawData(t),
});

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

/** The file. The same graph gives the same bytes. */
export function encodeModel(graph: SavedGraph, producer: Producer): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: producer.name,
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    metadataProps: [...producer.metadata].map(([key, value]) => ({ key, value })),
    graph: create(GraphProtoSchema, {
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
      initializer: graph.initializers.map(tensor),
      input: graph.inputs.map(port),
      output: graph.outputs.map(port),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}
