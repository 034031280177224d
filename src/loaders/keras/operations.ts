/**
 * Operation nodes: functions called on symbolic tensors instead of layers. Keras 3 writes them as classes of `keras.src.ops`
 * (`x + 3.0` in MobileNetV3), TensorFlow's Keras as TFOpLambda and TensorFlowOpLayer.
 */
import { ThawError } from "../../errors";
import type { Layer } from "../../nn/layer";
import { Activation } from "../../nn/layers/activation";
import { GlobalAveragePooling2D } from "../../nn/layers/global-pooling2d";
import { createLayer } from "../../nn/layers/registry";
import { isObject, shown } from "../json";
import type { Argument, CallSpec } from "./calls";
import type { History, Serialised } from "./json";
import { MatmulOperation } from "./matmul-operation";
import { ScalarOperation } from "./scalar-operation";
import { numberOperations } from "../number-arithmetic";

export const isOperation = (s: Serialised): boolean =>
  s.module.startsWith("keras.src.ops") ||
  s.className === "TFOpLambda" ||
  s.className === "TensorFlowOpLayer" ||
  (s.module === "" && arithmetic.has(s.className.toLowerCase()) && s.inboundNodes.some(holdsNumber));

/** Legacy `.h5` files of Keras 3 leave modules out: there a layer `Add` that is called with a number is the operation. */
const holdsNumber = (node: unknown): boolean =>
  isObject(node) && Array.isArray(node.args) && node.args.some((value) => typeof value === "number");

/** An operation as a layer, and the tensors that it is called on. */
export interface OperationCall {
  readonly layer: Layer;
  readonly inputs: readonly History[];
}

/** Arithmetic of two operands: Keras 3's class, or the last part of TensorFlow's name. */
const arithmetic: ReadonlyMap<string, string> = new Map([
  ...["add", "addv2", "__add__", "__radd__"].map((name) => [name, "Add"] as const),
  ...["subtract", "sub", "__sub__", "__rsub__"].map((name) => [name, "Subtract"] as const),
  ...["multiply", "mul", "__mul__", "__rmul__"].map((name) => [name, "Multiply"] as const),
  ...["divide", "truedivide", "truediv", "realdiv", "__truediv__", "__rtruediv__"].map(
    (name) => [name, "Divide"] as const,
  ),
  ["maximum", "Maximum"],
  ["minimum", "Minimum"],
]);

const activations: ReadonlySet<string> = new Set([
  "relu",
  "relu6",
  "sigmoid",
  "silu",
  "swish",
  "tanh",
  "softplus",
  "selu",
  "elu",
  "mish",
  "hard_silu",
  "hard_swish",
]);

/** "HardSilu" and "nn.hard_silu" -> "hard_silu"; "__operators__.radd" -> "__radd__". */
function functionName(s: Serialised): string {
  if (s.className === "TFOpLambda") {
    const full = text(s.config.function);
    const last = full.slice(full.lastIndexOf(".") + 1);
    return full.includes("__operators__") ? `__${last}__` : last;
  }
  if (s.className === "TensorFlowOpLayer") return text(nodeDefinition(s).op).toLowerCase();
  return s.className.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

const nodeDefinition = (s: Serialised) => (isObject(s.config.node_def) ? s.config.node_def : {});

/** TensorFlowOpLayer keeps numbers among its inputs in the configuration: { "1": 3.0 } is the second operand. */
function withConstants(s: Serialised, call: CallSpec): Argument[] {
  const list = [...call.positional];
  const constants = isObject(s.config.constants) ? Object.entries(s.config.constants) : [];
  for (const [index, value] of constants) list.splice(Number(index), 0, { constant: value });
  return list;
}

/** Operands by position, then by the names that Keras and TensorFlow give them. */
function operands(s: Serialised, call: CallSpec): Argument[] {
  const list = withConstants(s, call);
  for (const key of ["x", "x1", "y", "x2"]) {
    const argument = call.named.get(key);
    if (argument) list.push(argument);
  }
  return list;
}

/** @throws for a function that Thaw has not, and for arguments that it cannot take. */
export function operationFrom(file: string, s: Serialised, call: CallSpec): OperationCall {
  const who = `${file}: ${s.name}`;
  const name = functionName(s);
  const list = operands(s, call);
  const inputs = list.flatMap((a) => ("tensor" in a ? [a.tensor] : []));
  const kind = arithmetic.get(name.startsWith("__") ? name : name.replaceAll("_", ""));
  if (kind) return { layer: arithmeticLayer(who, s.name, kind, list, name), inputs };
  const layer = inputs.length >= 1 ? functionLayer(s, name, inputs.length) : undefined;
  if (layer) return { layer, inputs };
  throw new ThawError(
    who,
    `the operation ${s.className === name ? name : `${s.className} ${name}`} with ${list.length} arguments is not known`,
    `${[...new Set(arithmetic.values())].join(", ")} of two operands, concatenate, matmul, mean over height and width, or an activation`,
    "Use the layer of the same purpose when building the model.",
  );
}

function arithmeticLayer(who: string, name: string, kind: string, list: readonly Argument[], written: string): Layer {
  const numbers = list.map((a) => ("constant" in a ? scalar(a.constant) : undefined));
  if (list.length !== 2 || list.every((a) => "constant" in a)) {
    throw new ThawError(who, `the operation ${kind} has ${list.length} operands`, "a tensor, and a tensor or number");
  }
  if (list.every((a) => "tensor" in a)) {
    if (kind === "Divide") throw new ThawError(who, "divides a tensor by a tensor", "a number as divisor");
    return createLayer(kind, { name });
  }
  const at = list.findIndex((a) => "constant" in a);
  const value = numbers[at];
  const operation = numberOperations.find((known) => known === kind);
  if (value === undefined || !operation) {
    const constant = (list[at] as { constant: unknown }).constant;
    throw new ThawError(
      who,
      `the operation ${kind} with ${shown(constant)} is not known`,
      `${numberOperations.join(", ")} with a number`,
    );
  }
  // Reflected operators have their operands the other way round: x.__rsub__(3) is 3 - x.
  const numberFirst = /^__r(?:add|sub|mul|truediv)__$/.test(written) ? at === 1 : at === 0;
  if (kind === "Divide" && (numberFirst || value === 0))
    throw new ThawError(
      who,
      numberFirst ? "divides a number by a tensor" : "divides by 0",
      "a tensor divided by a number other than 0",
    );
  return new ScalarOperation({ name, operation, value, numberFirst });
}

/** A number, also as arrays of one number are written. */
function scalar(value: unknown): number | undefined {
  const inner = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
  return typeof inner === "number" && Number.isFinite(inner) ? inner : undefined;
}

function functionLayer(s: Serialised, written: string, count: number): Layer | undefined {
  const { name, config } = s;
  if (written === "matmul" && count === 2) return new MatmulOperation({ name });
  if (written === "concatenate" && count > 1) {
    return createLayer("Concatenate", { name, axis: typeof config.axis === "number" ? config.axis : 0 });
  }
  if (count !== 1) return undefined;
  if (activations.has(written)) return new Activation({ name, activation: written });
  // Keras 3's hard_sigmoid; TensorFlow has no function of that name.
  if (written === "hard_sigmoid") return new Activation({ name, activation: "hard_sigmoid" });
  if (written === "gelu") {
    return new Activation({
      name,
      activation: { className: "gelu", config: { approximate: config.approximate !== false } },
    });
  }
  if (written === "leaky_relu" || written === "leakyrelu") {
    const slope = typeof config.negative_slope === "number" ? config.negative_slope : 0.2;
    return new Activation({ name, activation: { className: "LeakyReLU", config: { negativeSlope: slope } } });
  }
  if (written === "softmax" && (config.axis === undefined || config.axis === -1))
    return createLayer("Softmax", { name });
  const axes = Array.isArray(config.axis) ? config.axis.join() : "";
  if (written === "mean" && axes === "1,2")
    return new GlobalAveragePooling2D({ name, keepdims: config.keepdims === true });
  return undefined;
}
