/** What ONNX files hold is read exactly, and what is wrong with one is said before anything is allocated. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { readOnnx, readOnnxGraph } from "../../../src/loaders/onnx/index";
import { TensorProtoSchema } from "../../../src/loaders/onnx/proto/onnx_pb";
import { fromHalf, readTensor } from "../../../src/loaders/onnx/proto/tensor";
import { floats, info, ints, node, onnxFile, type GraphInit, type TensorInit } from "../../support/onnx-file";

const tensor = (init: TensorInit, sibling?: (location: string) => Promise<Uint8Array>) =>
  readTensor("t", create(TensorProtoSchema, init), { sibling });
const numbers = async (init: TensorInit) => Array.from((await tensor(init)).data);
const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe("tensors", () => {
  it.each<[string, number, ArrayBufferView, number[]]>([
    ["float32", 1, Float32Array.of(1.5, -2), [1.5, -2]],
    ["uint8", 2, Uint8Array.of(0, 255), [0, 255]],
    ["int8", 3, Int8Array.of(-128, 127), [-128, 127]],
    ["uint16", 4, Uint16Array.of(65535, 1), [65535, 1]],
    ["int16", 5, Int16Array.of(-32768, 1), [-32768, 1]],
    ["int32", 6, Int32Array.of(-(2 ** 31), 7), [-(2 ** 31), 7]],
    ["int64", 7, BigInt64Array.of(-5n, 2n ** 53n - 1n), [-5, 2 ** 53 - 1]],
    ["bool", 9, Uint8Array.of(1, 0), [1, 0]],
    ["float16", 10, Uint16Array.of(0x3c00, 0xc100), [1, -2.5]],
    ["float64", 11, Float64Array.of(0.5, 3), [0.5, 3]],
    ["uint32", 12, Uint32Array.of(2 ** 32 - 1, 0), [2 ** 32 - 1, 0]],
    ["bfloat16", 16, Uint16Array.of(0x3f80, 0xc000), [1, -2]],
  ])("of %s are read from raw bytes", async (_, dataType, array, expected) => {
    expect(await numbers({ dims: [2n], dataType, rawData: bytes(array) })).toEqual(expected);
  });

  it("are read from the fields for numbers too, where half precision lies as bits", async () => {
    expect(await numbers({ dims: [2n], dataType: 10, int32Data: [0x3c00, 0x4000] })).toEqual([1, 2]);
    expect(await numbers({ dims: [2n], dataType: 16, int32Data: [0x3f80, 0x4000] })).toEqual([1, 2]);
    expect(await numbers({ dims: [1n], dataType: 3, int32Data: [-3] })).toEqual([-3]);
    expect(await numbers({ dims: [1n], dataType: 11, doubleData: [0.25] })).toEqual([0.25]);
  });

  it("are views of the file where they are aligned", async () => {
    const file = new Uint8Array(16);
    const read = await tensor({ dims: [2n], dataType: 1, rawData: file.subarray(4, 12) });
    expect(read.data.buffer).toBe(file.buffer);
  });

  it("of half precision cover its whole range", () => {
    expect([0, 0x8000, 1, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00].map(fromHalf)).toEqual([
      0,
      -0,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      65504,
      Infinity,
      -Infinity,
    ]);
    expect(fromHalf(0x7c01)).toBeNaN();
  });

  it.each<[string, TensorInit, RegExp]>([
    ["strings", { dims: [1n], dataType: 8 }, /holds strings; expected float32/],
    ["four bits", { dims: [1n], dataType: 22 }, /holds int4/],
    ["float8", { dims: [1n], dataType: 17 }, /holds float8e4m3fn/],
    ["an unknown type", { dims: [1n], dataType: 99 }, /element type 99/],
    [
      "a shape bomb",
      { dims: [1n << 20n, 1n << 20n], dataType: 1, rawData: new Uint8Array(4) },
      /has 4 bytes for \[1048576, 1048576\]/,
    ],
    ["negative sizes", { dims: [-1n, -4n], dataType: 1, rawData: new Uint8Array(16) }, /dimensions \[-1, -4\]/],
    ["too few numbers", { dims: [3n], dataType: 1, floatData: [1, 2] }, /has 2 numbers for \[3\]/],
  ])("with %s are refused", async (_, init, message) => {
    await expect(tensor(init)).rejects.toThrow(message);
  });

  it("refuse whole numbers that float64 does not hold, but for the ends of slices", async () => {
    const read = await tensor({ dims: [1n], dataType: 7, rawData: bytes(BigInt64Array.of(2n ** 60n)) });
    expect(() => read.data).toThrow(/t: holds the integer 1152921504606846976/);
    expect(await numbers({ dims: [1n], dataType: 7, int64Data: [2n ** 63n - 1n] })).toEqual([2 ** 63]);
  });
});

describe("tensors in other files", () => {
  const external = (more: Record<string, string>): TensorInit => ({
    dims: [2n],
    dataType: 1,
    dataLocation: 1,
    externalData: Object.entries(more).map(([key, value]) => ({ key, value })),
  });
  const file = bytes(Float32Array.of(0, 1, 2, 3));

  it("are read at their place", async () => {
    const read = await tensor(external({ location: "m.data", offset: "4", length: "8" }), async () => file);
    expect(Array.from(read.data)).toEqual([1, 2]);
  });

  it.each([
    ["../m.data", {}, /lies in "\.\.\/m\.data"/],
    ["/etc/passwd", {}, /lies in/],
    ["C:\\m.data", {}, /lies in/],
    ["https://host/m", {}, /lies in/],
    ["", {}, /lies in ""/],
    ["m.data", { offset: "12", length: "8" }, /needs bytes 12 to 20 of m\.data, which has 16/],
    ["m.data", { offset: "-4", length: "8" }, /offset "-4"/],
    ["m.data", { offset: "0", length: "4" }, /has 4 bytes/],
  ])("at %s %o are refused", async (location, more, message) => {
    await expect(tensor(external({ location, ...more }), async () => file)).rejects.toThrow(message);
  });

  it("are asked for where nobody gives them", async () => {
    await expect(tensor(external({ location: "m.data" }))).rejects.toThrow(/Load m\.data together with the model/);
  });
});

const relu: GraphInit = {
  node: [node("Relu", ["x"], ["y"])],
  input: [info("x", ["n", 4])],
  output: [info("y", ["n", 4])],
};

describe("files", () => {
  const read = (graph: GraphInit, more = {}) => readOnnxGraph("net.onnx", onnxFile(graph, more));

  it("are refused in one error that names every unknown operator with its count", async () => {
    const graph = {
      ...relu,
      node: [node("Foo", ["x"], ["a"]), node("Foo", ["a"], ["b"]), node("Bar", ["b"], ["y"], {}, { domain: "com.x" })],
    };
    await expect(
      readOnnx("net.onnx", onnxFile(graph, { opsetImport: [{ version: 17n }, { domain: "com.x", version: 1n }] })),
    ).rejects.toThrow(/operators that Thaw does not have: Foo \(2\), com\.x\.Bar \(1\)/);
  });

  it.each<[string, GraphInit, RegExp]>([
    [
      "a cycle",
      { ...relu, node: [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])] },
      /reads "b", which is made later/,
    ],
    ["a value from nowhere", { ...relu, node: [node("Relu", ["z"], ["y"])] }, /reads "z", which nothing makes/],
    [
      "a name given twice",
      { ...relu, node: [node("Relu", ["x"], ["y"]), node("Relu", ["x"], ["y"])] },
      /makes "y", which exists already/,
    ],
    [
      "two initializers of one name",
      { ...relu, initializer: [floats("w", [1], [1]), floats("w", [1], [2])] },
      /two initializers "w"/,
    ],
    ["an output that nothing makes", { ...relu, output: [info("q", [1])] }, /its output "q"/],
    ["a sparse initializer", { ...relu, sparseInitializer: [{}] }, /1 sparse initializers/],
  ])("with %s are refused", async (_, graph, message) => {
    await expect(read(graph)).rejects.toThrow(message);
  });

  it("of old operator sets are refused", async () => {
    await expect(read(relu, { opsetImport: [{ version: 6n }] })).rejects.toThrow(
      /version 6 of ONNX's operators; expected opset 7/,
    );
  });

  it("that are cut off, or no ONNX at all, are refused", async () => {
    const file = onnxFile(relu);
    await expect(readOnnxGraph("net.onnx", file.subarray(0, file.length - 3))).rejects.toThrow(
      /net\.onnx: cannot be read as ONNX/,
    );
    await expect(readOnnxGraph("net.onnx", new Uint8Array())).rejects.toThrow(/has no graph/);
  });

  it("nested too deep are refused", async () => {
    let inner: GraphInit = { node: [node("Relu", ["x"], ["y"])], output: [info("y", [4])] };
    for (let i = 0; i < 60; i++)
      inner = { node: [node("If", ["c"], ["y"], { then_branch: inner })], output: [info("y", [4])] };
    await expect(read({ ...inner, input: [info("x", [4]), info("c", [1], 9)] })).rejects.toThrow(
      /cannot be read as ONNX .*recursion depth/,
    );
  });

  it("have their functions replaced by what is in them, attributes and defaults filled in", async () => {
    const leaky = node("LeakyRelu", ["a"], ["b"]);
    leaky.attribute = [{ name: "alpha", refAttrName: "slope", type: 1 }];
    const functions = [
      {
        name: "Act",
        domain: "f",
        input: ["a"],
        output: ["b"],
        attribute: ["slope"],
        node: [leaky],
        opsetImport: [{ version: 17n }],
      },
    ];
    const graph = await read(
      { ...relu, node: [node("Act", ["x"], ["y"], { slope: 0.25 }, { domain: "f", name: "act" })] },
      {
        functions,
        opsetImport: [{ version: 17n }, { domain: "f", version: 1n }],
      },
    );
    expect(graph.nodes.map((n) => [n.op, n.inputs, n.outputs, n.attributes.get("alpha")])).toEqual([
      ["LeakyRelu", ["x"], ["y"], 0.25],
    ]);
  });

  it("with functions that call themselves are refused", async () => {
    const functions = [
      { name: "F", domain: "f", input: ["a"], output: ["b"], node: [node("F", ["a"], ["b"], {}, { domain: "f" })] },
    ];
    const graph = { ...relu, node: [node("F", ["x"], ["y"], {}, { domain: "f" })] };
    await expect(read(graph, { functions })).rejects.toThrow(/functions call one another 16 deep/);
  });

  it("with indices in names like __proto__ are read like any other", async () => {
    const graph = await read({
      ...relu,
      node: [node("Relu", ["x"], ["__proto__"]), node("Add", ["__proto__", "constructor"], ["y"])],
      initializer: [floats("constructor", [1], [1])],
    });
    expect(graph.nodes.map((n) => n.op)).toEqual(["Relu", "Add"]);
    expect(ints("i", [1]).dataType).toBe(7);
  });
});
