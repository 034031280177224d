/**
 * One walk over the graph without a GPU: constants are folded, conditions decided, and every tensor computed from samples gets
 * its dimensions, found by writing the node into a graph that is thrown away. What is left are the nodes that have to run.
 */
import { ThawError } from "../../errors";
import { Graph } from "../../nn/graph";
import { describe } from "./attributes";
import { fold } from "./fold/fold";
import { isHost, product, type HostTensor } from "./host-tensor";
import { isGraph, type OnnxGraph, type OnnxNode } from "./ir";
import { Emitter, type Operand } from "./layout/emitter";
import { dimsOf, type Layout } from "./layout/tensor";
import { emitterOf } from "./operators/index";

/** Stands for the batch in sizes: a prime beyond most dimensions of networks (and within what the engine takes), so that it is found again in products. */
export const batchSize = 65_521;

export interface Evaluated {
  /** Nodes that compute from samples, each behind those it reads. */
  readonly live: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, HostTensor>;
  /** Dimensions of what live nodes make and of inputs, the batch as `batchSize`. */
  readonly dims: ReadonlyMap<string, readonly number[]>;
}

/** Numbers that folding may make in all: weights are turned and cast on their way, shapes are small, and a bomb is neither. */
function budgetOf(graph: OnnxGraph): number {
  let weights = 0;
  for (const { dims } of graph.initializers.values()) weights += product(dims);
  return 4 * weights + 2 ** 24;
}

/** Ifs within Ifs; the file's own nesting is bounded already. */
const maxDepth = 32;

/** @throws for what cannot be computed, with the node's name. */
export function evaluate(graph: OnnxGraph, inputs: ReadonlyMap<string, Layout>, literalBatch: number): Evaluated {
  const g = new Graph(batchSize);
  // Constants have a shape here and no numbers: nothing of the weights is read.
  const e = new Emitter(
    g,
    batchSize,
    (to, constant, { shape }) => to.value({ name: constant.weight ?? "constant", shape, role: "constant" }),
    literalBatch,
  );
  const values = new Map<string, Operand>(graph.initializers);
  for (const [name, layout] of inputs) values.set(name, { ...layout, value: g.input(name, layout.shape) });
  const absent = new Map<string, Absent>();
  const live: OnnxNode[] = [];
  let budget = budgetOf(graph);

  const visit = (nodes: readonly OnnxNode[], depth: number): void => {
    for (const node of nodes) {
      const operands = node.inputs.map((input) => {
        if (absent.has(input)) throw unread(node, absent.get(input)!);
        return input === "" ? undefined : values.get(input);
      });
      if (node.op === "If" && node.domain === "") {
        inline(node, operands[0], depth);
        continue;
      }
      const results = compute(e, node, operands);
      node.outputs.forEach((output, i) => {
        if (output === "") return;
        if (results[i]) values.set(output, results[i]);
        else absent.set(output, { node, output: i });
      });
      if (results.some((r) => !isHost(r))) live.push(node);
      else if (node.op !== "Constant")
        budget -= results.reduce((sum, r) => sum + (isHost(r) && !r.repeats ? product(r.dims) : 0), 0);
      if (budget < 0)
        throw new ThawError(
          describe(node),
          "is one folded constant too many",
          "constants of a few times the size of the weights, all together",
        );
    }
  };

  const inline = (node: OnnxNode, condition: Operand | undefined, depth: number): void => {
    if (!condition || !isHost(condition))
      throw new ThawError(
        describe(node),
        "its condition is computed from the samples",
        "a condition known before it runs",
      );
    if (depth >= maxDepth)
      throw new ThawError(describe(node), `conditions are nested ${depth} deep`, `at most ${maxDepth}`);
    const branch = node.attributes.get(condition.data[0] !== 0 ? "then_branch" : "else_branch");
    if (!isGraph(branch))
      throw new ThawError(describe(node), "has no branch for its condition", "then_branch and else_branch");
    for (const [name, value] of branch.initializers) values.set(name, value);
    visit(branch.nodes, depth + 1);
    const plain = { domain: "", opset: node.opset, op: "Identity", attributes: new Map() };
    visit(
      branch.outputs.map((output, i) => ({
        ...plain,
        name: `${node.name}/${i}`,
        inputs: [output],
        outputs: [node.outputs[i]],
      })),
      depth,
    );
  };

  visit(graph.nodes, 0);
  for (const output of graph.outputs)
    if (absent.has(output))
      throw unread({ ...absent.get(output)!.node, name: output, op: "Output" }, absent.get(output)!);
  const constants = new Map<string, HostTensor>();
  const dims = new Map<string, readonly number[]>();
  for (const [name, value] of values) {
    if (isHost(value)) constants.set(name, value);
    else dims.set(name, dimsOf(value));
  }
  return { live, constants, dims };
}

/** An output that an emitter leaves out. */
interface Absent {
  readonly node: OnnxNode;
  readonly output: number;
}

const unread = (reader: OnnxNode, { node, output }: Absent) =>
  new ThawError(
    describe(reader),
    `reads output ${output} of ${describe(node)}, which Thaw does not compute`,
    `output 0 of ${node.op} alone`,
  );

/** A node's results: folded where all inputs are known, else written into the graph. */
export function compute(e: Emitter, node: OnnxNode, operands: readonly (Operand | undefined)[]): readonly Operand[] {
  if (operands.every((x) => x === undefined || isHost(x))) {
    const folded = within(node, () => fold(node, operands));
    if (folded) return folded;
  }
  const emit = emitterOf(node);
  if (!emit) throw new ThawError(describe(node), "cannot be computed from the samples", "constants as its inputs");
  // A layer that stands for the node has its own name already.
  return within(node, () => e.g.within(e.g.layer || node.name, () => emit(e, node, operands)));
}

/** An error says which node it is about. */
function within<T>(node: OnnxNode, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof ThawError) {
      if (!error.message.startsWith(node.name)) error.message = `${describe(node)}: ${error.message}`;
      throw error;
    }
    throw new ThawError(
      describe(node),
      `cannot be read (${error instanceof Error ? error.message : String(error)})`,
      "inputs and attributes as ONNX defines them",
    );
  }
}
