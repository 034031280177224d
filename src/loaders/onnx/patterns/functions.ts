/**
 * Activation functions written out in single operations: GELU with Erf or Tanh, SiLU, hard swish, ReLU6 by Min and Max. They are
 * recognised by what they compute, not by how exporters write them: a group of elementwise nodes between one tensor and one result
 * is evaluated at some numbers and compared.
 */
import { foldElementwise } from "../fold/elementwise";
import { hostTensor, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { replacing, type Match, type Pattern, type Rewriter } from "./rewriter";

/** Operations that such functions are made of. */
const parts = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "Min",
  "Max",
  "Clip",
  "Erf",
  "Tanh",
  "Sigmoid",
  "HardSigmoid",
  "Exp",
  "Softplus",
  "Relu",
  "Sqrt",
  "Neg",
  "Reciprocal",
  "Log",
]);

/** The longest form known, the tanh form of GELU with its cube multiplied out, has eleven. */
const maxNodes = 14;

const points = Float32Array.of(
  -9,
  -5.5,
  -3.25,
  -2.5,
  -1.5,
  -1,
  -0.6,
  -0.25,
  0,
  0.2,
  0.7,
  1,
  1.75,
  2.25,
  3.1,
  4.5,
  6.5,
  9,
);

/** Abramowitz and Stegun 7.1.26: within 1.5e-7. */
export function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - p * Math.exp(-x * x));
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

interface Known {
  readonly op: string;
  readonly attributes?: Readonly<Record<string, number | string>>;
  readonly f: (x: number) => number;
}

const known: readonly Known[] = [
  { op: "Gelu", f: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)) },
  {
    op: "Gelu",
    attributes: { approximate: "tanh" },
    f: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  { op: "Swish", f: (x) => x * sigmoid(x) },
  { op: "HardSwish", f: (x) => (x * clamp(x + 3, 0, 6)) / 6 },
  { op: "HardSigmoid", attributes: { alpha: 1 / 6, beta: 0.5 }, f: (x) => clamp(x + 3, 0, 6) / 6 },
  { op: "HardSigmoid", attributes: { alpha: 0.2, beta: 0.5 }, f: (x) => clamp(0.2 * x + 0.5, 0, 1) },
  { op: "Clip", attributes: { min: 0, max: 6 }, f: (x) => clamp(x, 0, 6) },
  { op: "Relu", f: (x) => Math.max(x, 0) },
  { op: "Sigmoid", f: sigmoid },
  { op: "Softplus", f: (x) => Math.log1p(Math.exp(x)) },
  { op: "Mish", f: (x) => x * Math.tanh(Math.log1p(Math.exp(x))) },
];

export const activationFunction: Pattern = (r, last) => {
  // What ends such a function: never a single node that has a layer already, but Min and Max.
  if (!["Mul", "Div", "Min", "Max", "Clip", "Add", "Log", "Reciprocal"].includes(last.op) || last.domain !== "")
    return undefined;
  const nodes = new Set<OnnxNode>([last]);
  const order: OnnxNode[] = [last];
  while (nodes.size <= maxNodes) {
    const open = frontier(r, nodes);
    if (!open) return undefined;
    if (open.length === 1 && (nodes.size > 1 || last.op === "Min" || last.op === "Max")) {
      const found = recognised(r, order, open[0], last);
      if (found) return found;
    }
    // The open value that is computed last is no input of another one's computation.
    const next = open
      .map((name) => r.producer(name))
      .filter((n) => n !== undefined && parts.has(n.op) && n.outputs.length === 1 && r.isInner(n.outputs[0], nodes))
      .at(0);
    if (!next) return undefined;
    nodes.add(next);
    order.push(next);
  }
  return undefined;
};

/** Computed values that the group reads from outside; undefined where it reads constants with many numbers. */
function frontier(r: Rewriter, nodes: ReadonlySet<OnnxNode>): string[] | undefined {
  const inner = new Set([...nodes].flatMap((n) => n.outputs));
  const open = new Set<string>();
  for (const node of nodes)
    for (const input of node.inputs) {
      if (input === "" || inner.has(input)) continue;
      if (!r.constant(input)) open.add(input);
      else if (r.scalar(input) === undefined) return undefined;
    }
  return [...open];
}

function recognised(r: Rewriter, order: readonly OnnxNode[], x: string, last: OnnxNode): Match | undefined {
  const values = new Map<string, HostTensor>([[x, hostTensor([points.length], "float", points)]]);
  // Nodes were found from the end; each is computed when its inputs are, in as many rounds as that takes.
  let pending: readonly OnnxNode[] = order.toReversed();
  for (let rounds = 0; pending.length > 0 && rounds <= order.length; rounds++) {
    const waiting: OnnxNode[] = [];
    for (const node of pending) {
      const inputs = node.inputs.map((i) => (i === "" ? undefined : (values.get(i) ?? r.constant(i))));
      if (node.inputs.some((i, k) => i !== "" && !inputs[k])) {
        waiting.push(node);
        continue;
      }
      const y = applied(node, inputs as HostTensor[]);
      if (!y) return undefined;
      values.set(node.outputs[0], y);
    }
    pending = waiting;
  }
  const y = values.get(last.outputs[0]);
  if (!y || y.data.length !== points.length) return undefined;
  const match = known.find(({ f }) =>
    points.every((p, i) => Math.abs(f(p) - y.data[i]) < 2e-5 * Math.max(1, Math.abs(p))),
  );
  return match && { nodes: order, replacement: replacing(last, match.op, [x], match.attributes) };
}

function applied(node: OnnxNode, inputs: HostTensor[]): HostTensor | undefined {
  const [x] = inputs;
  const map = (f: (v: number) => number) => hostTensor(x.dims, "float", Float32Array.from(x.data, f));
  if (node.op === "Erf") return map(erf);
  if (node.op === "HardSigmoid") {
    const [alpha, beta] = [node.attributes.get("alpha") ?? 0.2, node.attributes.get("beta") ?? 0.5] as number[];
    return map((v) => clamp(alpha * v + beta, 0, 1));
  }
  return foldElementwise(node, inputs);
}
