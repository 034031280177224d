/** Constant folding: a node whose inputs are all known is computed once, on the host. */
import type { HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { foldArrangement } from "./arrange";
import { foldElementwise } from "./elementwise";

/** The node's outputs, or undefined where folding does not know the operator. */
export function fold(node: OnnxNode, inputs: readonly (HostTensor | undefined)[]): readonly HostTensor[] | undefined {
  if (node.domain !== "") return undefined;
  const arranged = foldArrangement(node, inputs);
  if (arranged) return arranged;
  const present = inputs.filter((x) => x !== undefined);
  // Clip leaves inputs out in the middle.
  const one = foldElementwise(node, node.op === "Clip" ? (inputs as readonly HostTensor[]) : present);
  return one && [one];
}
