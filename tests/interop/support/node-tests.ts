/** The node tests of ONNX as tools/interop_node_tests.py unpacks them. */
import fs from "node:fs";

/** Operators that imported networks and their training need, each with tests of its own. */
export const listedOperators: readonly string[] = [
  ["Conv", "ConvTranspose", "Gemm", "MatMul"],
  ["BatchNormalization", "LayerNormalization", "GroupNormalization", "InstanceNormalization"],
  ["AveragePool", "MaxPool", "LpPool", "GlobalAveragePool", "GlobalMaxPool"],
  ["Relu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish"],
  ["Tanh", "Softplus", "Softsign", "Gelu", "Mish", "Swish"],
  ["Clip", "Softmax", "LogSoftmax"],
  ["Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp", "Log", "Abs", "Neg", "Reciprocal", "Erf", "Min", "Max"],
  ["Sum", "Mean", "Floor", "Ceil", "Sign"],
  ["Concat", "Split", "Slice", "Pad", "Resize", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Gather"],
  ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"],
  ["ReduceSumSquare", "ReduceLogSumExp", "Where", "Expand"],
  ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss", "Momentum", "Adam", "Adagrad"],
].flat();

/** Tests of listed operators that Thaw refuses on purpose; they count as unsupported. */
const refusals: readonly (readonly [tests: RegExp, why: string])[] = [
  [/^test_maxpool_with_argmax_/, "places of the largest values as a second output"],
  [/^test_convtranspose_3d$/, "transposed convolutions of volumes"],
];

/** Why a test is known to be refused, or undefined. */
export function knownRefusal(test: NodeTest): string | undefined {
  return refusals.find(([tests]) => tests.test(test.name))?.[1];
}

export interface StoredTensor {
  readonly name: string;
  /** What it is, where it is no tensor of a usual type; then there is no data. */
  readonly kind?: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface NodeTest {
  readonly name: string;
  readonly operator: string;
  readonly model: Uint8Array;
  readonly inputs: readonly StoredTensor[];
  readonly outputs: readonly StoredTensor[];
  /** Whether its floating-point numbers are all float32, and there are some. */
  readonly float32: boolean;
}

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

type Entry = { readonly name: string } & ({ readonly kind: string } | ({ type: string; shape: number[] } & Place));

const arrays: Readonly<Record<string, new (buffer: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float16: Float32Array, // Python widens it
};

export function readNodeTests(stem: string): NodeTest[] {
  const { tests } = JSON.parse(fs.readFileSync(`${stem}.json`, "utf8")) as {
    tests: { name: string; operator: string; model: Place; inputs: Entry[]; outputs: Entry[] }[];
  };
  const blob = fs.readFileSync(`${stem}.bin`);
  const part = ({ offset, bytes }: Place) => new Uint8Array(blob.subarray(offset, offset + bytes));
  const tensor = (entry: Entry): StoredTensor => {
    if ("kind" in entry) return { name: entry.name, kind: entry.kind, type: "", dims: [], data: [] };
    const data = Array.from(new arrays[entry.type](part(entry).buffer), Number);
    return { name: entry.name, type: entry.type, dims: entry.shape, data };
  };
  return tests.map(({ name, operator, model, inputs, outputs }) => {
    const read = { inputs: inputs.map(tensor), outputs: outputs.map(tensor) };
    const types = [...read.inputs, ...read.outputs].map((t) => t.type).filter((type) => type.startsWith("float"));
    const float32 = types.length > 0 && types.every((type) => type === "float32");
    return { name, operator, model: part(model), ...read, float32 };
  });
}
