/** Writes small ONNX models for tests, with the messages that the importer reads. */
import { create, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
} from "../../src/loaders/onnx/proto/onnx_pb";

/** What a message is made of, as a plain object. */
type Init<S extends DescMessage> = Exclude<MessageInitShape<S>, { readonly $typeName: string }>;

export type TensorInit = Init<typeof TensorProtoSchema>;
type NodeInit = Init<typeof NodeProtoSchema>;
type AttributeInit = Init<typeof AttributeProtoSchema>;
export type GraphInit = Init<typeof GraphProtoSchema>;

export const floats = (name: string, dims: readonly number[], data: ArrayLike<number>): TensorInit => ({
  name,
  dims: dims.map(BigInt),
  dataType: 1,
  rawData: new Uint8Array(Float32Array.from(data).buffer),
});

export const ints = (name: string, data: readonly number[], dims: readonly number[] = [data.length]): TensorInit => ({
  name,
  dims: dims.map(BigInt),
  dataType: 7,
  int64Data: data.map(BigInt),
});

const encode = (text: string) => new TextEncoder().encode(text);

function attribute(name: string, value: unknown): AttributeInit {
  if (typeof value === "number")
    return Number.isInteger(value) ? { name, type: 2, i: BigInt(value) } : { name, type: 1, f: value };
  if (typeof value === "string") return { name, type: 3, s: encode(value) };
  if (Array.isArray(value)) return { name, type: 7, ints: value.map(BigInt) };
  if (typeof value === "object" && value !== null && "node" in value) return { name, type: 5, g: value as GraphInit };
  return { name, type: 4, t: value as TensorInit };
}

/** `node("Conv", ["x", "w"], ["y"], { strides: [2, 2] })` */
export const node = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Readonly<Record<string, unknown>> = {},
  more: NodeInit = {},
): NodeInit => ({
  opType,
  input,
  output,
  attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  ...more,
});

/** An input or output; a text is a size left open. */
export const info = (name: string, dims: readonly (number | string)[], elemType = 1) => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: {
        dim: dims.map((d) => ({
          value:
            typeof d === "number"
              ? { case: "dimValue" as const, value: BigInt(d) }
              : { case: "dimParam" as const, value: d },
        })),
      },
    },
  },
});

export const onnxFile = (graph: GraphInit, more: Init<typeof ModelProtoSchema> = {}): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph, ...more }),
  );
