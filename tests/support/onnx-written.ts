/** What tests look at in an ONNX file that Thaw wrote. */
import { readModelProto } from "../../src/loaders/onnx/proto/read";
import { writeOnnx, type WriteOnnxOptions } from "../../src/loaders/onnx/save/index";
import type { Container } from "../../src/nn/model";

export interface WrittenNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Numbers, lists of numbers and texts by name. */
  readonly attributes: Readonly<Record<string, number | number[] | string>>;
}

export interface WrittenFile {
  readonly bytes: Uint8Array;
  readonly nodes: readonly WrittenNode[];
  readonly ops: readonly string[];
  readonly initializers: ReadonlyMap<string, { readonly dims: readonly number[]; readonly data: Float32Array }>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
}

export async function written(model: Container, options: WriteOnnxOptions = {}): Promise<WrittenFile> {
  return readWritten(await writeOnnx(model, options));
}

export function readWritten(bytes: Uint8Array): WrittenFile {
  const proto = readModelProto("written.onnx", bytes);
  const graph = proto.graph!;
  const nodes = graph.node.map((n) => ({
    name: n.name,
    op: n.opType,
    inputs: n.input,
    outputs: n.output,
    attributes: Object.fromEntries(
      n.attribute.map((a) => [
        a.name,
        a.type === 1
          ? a.f
          : a.type === 2
            ? Number(a.i)
            : a.type === 3
              ? new TextDecoder().decode(a.s)
              : a.ints.map(Number),
      ]),
    ),
  }));
  const port = (v: (typeof graph.input)[number]) => {
    const dims = v.type!.tensorType!.shape!.dim.map(({ value }) => String(value.value));
    return `${v.name} [${dims.join(", ")}]`;
  };
  return {
    bytes,
    nodes,
    ops: nodes.map((n) => n.op),
    initializers: new Map(
      graph.initializer.map((t) => [
        t.name,
        { dims: t.dims.map(Number), data: new Float32Array(t.rawData!.slice().buffer, 0, t.rawData!.length >> 2) },
      ]),
    ),
    inputs: graph.input.map(port),
    outputs: graph.output.map(port),
    metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
  };
}
