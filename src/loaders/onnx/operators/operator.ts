/** What an operator's emitter is: writes one node for tensors of any layout. The same ones serve networks and single nodes. */
import { ThawError } from "../../../errors";
import { describe } from "../attributes";
import { isHost, refuseEmpty, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter, Operand } from "../layout/emitter";
import type { Tensor } from "../layout/tensor";

export type Inputs = readonly (Operand | undefined)[];

/** @returns an operand for each output; a constant where the node computes one from shapes. */
export type Emit = (e: Emitter, node: OnnxNode, inputs: Inputs) => readonly Operand[];

/** Emitters by ONNX's names. */
export type Operators = Readonly<Record<string, Emit>>;

/** An input that has to be known before the network runs, or is left out. */
export function knownInput(node: OnnxNode, inputs: Inputs, i: number): HostTensor | undefined {
  const x = inputs[i];
  if (x !== undefined && !isHost(x))
    throw new ThawError(
      describe(node),
      `input ${i} is computed from the samples`,
      "a constant",
      "Export the model with fixed sizes.",
    );
  return x;
}

/** All inputs, those computed from samples left out: for the functions that read axes, shapes and sizes from them. */
export const knownInputs = (inputs: Inputs): (HostTensor | undefined)[] =>
  inputs.map((x) => (x !== undefined && isHost(x) ? x : undefined));

/** An input that is computed from samples. */
export function tensorInput(e: Emitter, node: OnnxNode, inputs: Inputs, i: number): Tensor {
  const x = inputs[i];
  if (x === undefined) throw new ThawError(describe(node), `input ${i} is missing`, "a tensor");
  return isHost(x) ? constantTensor(e, x) : x;
}

/** A constant where a tensor has to be: the batch is 1 and belongs to no dimension, so that it is repeated. */
export function constantTensor(e: Emitter, x: HostTensor): Tensor {
  refuseEmpty("a constant", x);
  return { value: e.whole(x), shape: [1, ...x.dims], axes: x.dims.map((_, i) => [i + 1]), kind: x.kind };
}

/** The only number of a constant; undefined for more than one, and for what is computed. */
export function scalarOf(x: Operand | undefined): number | undefined {
  if (x === undefined || !isHost(x)) return undefined;
  const base = x.repeats ?? x;
  return base.dims.every((d) => d === 1) ? base.data[0] : undefined;
}
