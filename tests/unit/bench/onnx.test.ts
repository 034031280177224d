import { expect, test } from "vitest";
import type { LayerSpec, Network } from "../../../bench/src/networks/layers";
import { onnxBytes } from "../../../bench/src/systems/onnx";
import { ProtobufWriter, varint } from "../../../bench/src/systems/protobuf";

test.each([
  [0, [0]],
  [127, [127]],
  [128, [128, 1]],
  [300, [172, 2]],
  [2 ** 35, [128, 128, 128, 128, 128, 1]],
])("%d as a varint", (value, expected) => {
  expect([...varint(value)]).toEqual(expected);
});

test.each([-1, 0.5, Number.NaN])("%d is no varint", (value) => {
  expect(() => varint(value)).toThrow("expected a whole number");
});

test("fields carry number and wire type", () => {
  const nested = new ProtobufWriter().number(1, 150);
  const bytes = new ProtobufWriter().bytes(2, "hi").float(3, 1).bytes(16, nested).finish();
  expect([...bytes]).toEqual([0x12, 2, 0x68, 0x69, 0x1d, 0, 0, 0x80, 0x3f, 0x82, 0x01, 3, 0x08, 0x96, 0x01]);
});

/** Field numbers to values: numbers, or bytes. */
function decode(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const number = (): number => {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = number();
    let value: number | Uint8Array;
    if (key % 8 === 0) value = number();
    else {
      const length = key % 8 === 2 ? number() : 4;
      value = bytes.subarray(at, at + length);
      at += length;
    }
    const field = Math.floor(key / 8);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

const text = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);

test("a network becomes a graph: filters outputs first, padding explicit", () => {
  const specs: LayerSpec[] = [
    { kind: "conv", name: "c", inputs: ["image"], filters: 2, kernel: 1, stride: 2, pad: [0, 1], bias: true },
    { kind: "relu6", name: "r", inputs: ["c"] },
    { kind: "pool", name: "p", inputs: ["r"] },
    { kind: "dense", name: "head", inputs: ["p"], filters: 4 },
  ];
  const network: Network = { name: "tiny", specs, size: 8, classes: 4, batch: 1 };
  const values = (count: number) => Float32Array.from({ length: count }, (_, i) => i);
  const weights = (layer: string) =>
    layer === "c"
      ? [
          { name: "kernel", shape: [1, 1, 3, 2], value: values(6) },
          { name: "bias", shape: [2], value: values(2) },
        ]
      : [
          { name: "kernel", shape: [2, 4], value: values(8) },
          { name: "bias", shape: [4], value: values(4) },
        ];
  const model = decode(onnxBytes(network, 5, weights));
  const graph = decode(model.get(7)![0] as Uint8Array);
  const nodes = graph.get(1)!.map((node) => decode(node as Uint8Array));
  expect(nodes.map((n) => text(n.get(4)![0]))).toEqual(["Conv", "Clip", "GlobalAveragePool", "Flatten", "Gemm"]);
  expect(nodes[0].get(1)!.map(text)).toEqual(["image", "c/kernel", "c/bias"]);
  const attributes = new Map(
    nodes[0].get(5)!.map((a) => {
      const fields = decode(a as Uint8Array);
      return [text(fields.get(1)![0]), fields.get(8) ?? fields.get(3)?.[0]];
    }),
  );
  expect(attributes.get("pads")).toEqual([0, 0, 1, 1]); // top, left, bottom, right
  expect(attributes.get("strides")).toEqual([2, 2]);
  const kernel = graph
    .get(5)!
    .map((tensor) => decode(tensor as Uint8Array))
    .find((tensor) => text(tensor.get(8)![0]) === "c/kernel")!;
  expect(kernel.get(1)).toEqual([2, 3, 1, 1]);
  const raw = Uint8Array.from(kernel.get(9)![0] as Uint8Array);
  expect([...new Float32Array(raw.buffer)]).toEqual([0, 2, 4, 1, 3, 5]);
});
