/** Symbolic tensors: how layers were connected, before any batch size or device is known. */
import { ThawError } from "../errors";
import type { CallContext, Layer, SampleShape } from "./layer";

/** One output of one call of a layer. */
export interface SymbolicTensor {
  readonly layer: Layer;
  readonly call: LayerCall;
  /** Which output of that call. */
  readonly index: number;
  /** Without the batch dimension. */
  readonly shape: SampleShape;
}

/** A layer called on tensors; a shared layer has several calls. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly options: { readonly training?: boolean };
}

export function connect(
  layer: Layer,
  inputs: readonly SymbolicTensor[],
  options: { training?: boolean },
): SymbolicTensor[] {
  if (inputs.length === 0) throw new ThawError(layer.name, "was called without inputs", "at least one tensor");
  const call: LayerCall = { layer, inputs, options };
  return layer.outputShapes(inputs.map((t) => t.shape)).map((shape, index) => ({ layer, call, index, shape }));
}

/** The context of a call: `training: false` given at the call wins over what the step wants, and is handed on. */
export function contextOf(call: LayerCall, outer: CallContext): CallContext {
  return { ...outer, training: outer.training && call.options.training !== false };
}

/** All calls needed for `outputs`, each after its inputs; inputs of the model come first. */
export function topologicalOrder(outputs: readonly SymbolicTensor[]): LayerCall[] {
  const order: LayerCall[] = [];
  const state = new Map<LayerCall, "open" | "done">();
  // An explicit stack: networks of a thousand layers would exhaust the call stack.
  const stack = outputs.map((t) => t.call).toReversed();
  while (stack.length > 0) {
    const call = stack.at(-1)!;
    if (state.get(call) === "done") {
      stack.pop();
      continue;
    }
    if (state.get(call) === "open") {
      state.set(call, "done");
      order.push(call);
      stack.pop();
      continue;
    }
    state.set(call, "open");
    for (const input of call.inputs.toReversed()) if (state.get(input.call) === undefined) stack.push(input.call);
  }
  return order;
}
