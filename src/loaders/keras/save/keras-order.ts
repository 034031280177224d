/** The order in which Keras has a functional model's layers once it has built it, whatever order the file lists them in. */
import type { Entry, Reference, WrittenModel } from "./entries";

/** One call of an entry. */
interface Node {
  readonly entry: Entry;
  readonly parents: readonly Node[];
}

/**
 * Keras's rule (`map_graph`): by the greatest number of calls between a layer and the outputs, the farthest first; among equals by when a
 * depth-first walk from the outputs comes by. Paths of weights count layers in this order, and optimizers keep their variables in it.
 */
export function kerasOrder(model: WrittenModel): readonly Entry[] {
  if (model.className === "Sequential") return model.entries;
  const { nodes, indices } = walk(model.outputs);
  const depths = new Map<Node, number>();
  const entryDepths = new Map<Entry, number>();
  for (const node of nodes.toReversed()) {
    const depth = Math.max(depths.get(node) ?? 0, entryDepths.get(node.entry) ?? 0);
    entryDepths.set(node.entry, depth);
    depths.set(node, depth);
    for (const parent of node.parents) depths.set(parent, Math.max(depth + 1, depths.get(parent) ?? 0));
  }
  for (const { entry } of model.inputs) {
    if (entryDepths.has(entry)) continue;
    entryDepths.set(entry, 0);
    indices.set(entry, -1);
  }
  return [...entryDepths.keys()].toSorted(
    (a, b) => entryDepths.get(b)! - entryDepths.get(a)! || indices.get(a)! - indices.get(b)!,
  );
}

/** Calls after those they read, and when each entry was first met. */
function walk(outputs: readonly Reference[]): { nodes: Node[]; indices: Map<Entry, number> } {
  const nodes: Node[] = [];
  const indices = new Map<Entry, number>();
  const known = new Map<Entry, Map<number, Node & { parents: Node[] }>>();
  const open = ({ entry, call }: Reference) => {
    const calls = known.get(entry) ?? new Map<number, Node & { parents: Node[] }>();
    known.set(entry, calls.set(call, { entry, parents: [] }));
    if (!indices.has(entry)) indices.set(entry, indices.size);
    const inputs = (entry.calls[call]?.inputs ?? []).filter((input): input is Reference => "entry" in input);
    return { node: calls.get(call)!, inputs, next: 0 };
  };
  // An explicit stack: networks of a thousand layers would exhaust the call stack.
  for (const output of outputs) {
    if (known.get(output.entry)?.has(output.call)) continue;
    const stack = [open(output)];
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const input = frame.inputs[frame.next++];
      if (!input) {
        nodes.push(frame.node);
        stack.pop();
        continue;
      }
      const found = known.get(input.entry)?.get(input.call);
      if (found) {
        frame.node.parents.push(found);
        continue;
      }
      const opened = open(input);
      frame.node.parents.push(opened.node);
      stack.push(opened);
    }
  }
  return { nodes, indices };
}
