/** The bytes of an ONNX file to its messages. Loaded when the first ONNX file comes, and the protobuf library with it. */
import { fromBinary } from "@bufbuild/protobuf";
import { ThawError } from "../../../errors";
import { ModelProtoSchema, type ModelProto } from "./onnx_pb";

/** Messages within messages: graphs within If nodes; the library counts and refuses beyond this. */
const recursionLimit = 100;

/** @throws for a file that is truncated, damaged, nested too deep, or no ONNX model. */
export function readModelProto(name: string, bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ThawError(
      name,
      `cannot be read as ONNX (${why})`,
      "a whole ONNX file",
      "The file is truncated or damaged; get it again.",
    );
  }
  if (!model.graph) throw new ThawError(name, "has no graph", "an ONNX model with a graph");
  return model;
}
