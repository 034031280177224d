/** Batch normalization folded into the weights of the product before it: w' = w * scale and b' = b * scale + shift, a number a filter. */
import { ThawError } from "../../../errors";
import type { ConvolutionAttrs } from "../../../kernels/convolution";
import type { MatmulAttrs } from "../../../kernels/matmul/matmul";
import type { Graph, Node, Value } from "../../../nn/graph";
import { isStored } from "./initializers";

/** Which filter each number of the weights belongs to. */
type FilterOf = (i: number) => number;

function filterOf(node: Node, w: Value, filters: number): FilterOf | undefined {
  switch (node.op) {
    case "conv2d":
    case "depthwiseConv2d": // [kh, kw, C, M]: the last two make the filters
      return (i) => i % filters;
    case "matmul":
      return w.shape.length === 2 && !(node.attrs as MatmulAttrs).transposeW ? (i) => i % filters : undefined;
    case "convTranspose2d": {
      const [, , each, channels] = w.shape;
      const inGroup = channels / (node.attrs as unknown as ConvolutionAttrs).groups;
      return (i) => Math.floor((i % channels) / inGroup) * each + (Math.floor(i / channels) % each);
    }
    default:
      return undefined;
  }
}

const numbersOf = (v: Value): Float32Array => v.parameter?.value ?? v.data!;

/** Factor and offset of each channel, in float64. */
function factors(graph: Graph, fold: Node): { scale: Float64Array; shift: Float64Array } {
  const of = (name: string) => {
    const id = fold.inputs[name];
    return id === undefined ? undefined : numbersOf(graph.values[id]);
  };
  const [gamma, beta, mean, variance] = [of("gamma"), of("beta"), of("mean")!, of("variance")!];
  const scale = Float64Array.from(variance, (v, c) => (gamma?.[c] ?? 1) / Math.sqrt(v + Number(fold.attrs.epsilon)));
  const bad = scale.findIndex((s) => !Number.isFinite(s));
  if (bad >= 0)
    throw new ThawError(
      fold.layer,
      `its moving variance is ${variance[bad]} in channel ${bad}`,
      "variances from 0 on, to fold the normalization into the weights before it",
      "Save it without foldBatchNormalization.",
    );
  return { scale, shift: scale.map((s, c) => (beta?.[c] ?? 0) - mean[c] * s) };
}

/**
 * Rewrites the graph: where a product with known weights is read by a normalization and by nothing else, its weights take that in.
 * Other normalizations stay.
 */
export function foldNormalizations(graph: Graph, nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const kept = new Set(outputs.map((v) => v.id));
  const makers = new Map(nodes.flatMap((n) => Object.values(n.outputs).map((id) => [id, n] as const)));
  const uses = new Map<number, number>();
  for (const node of nodes) for (const id of Object.values(node.inputs)) uses.set(id, (uses.get(id) ?? 0) + 1);
  const gone = new Set<Node>();
  for (const node of nodes) {
    if (node.op !== "channelAffine") continue;
    const fold = makers.get(node.inputs.scale);
    const before = makers.get(node.inputs.x);
    const vectors = fold && Object.values(fold.inputs).map((id) => graph.values[id]);
    if (fold?.op !== "batchNormFold" || makers.get(node.inputs.shift) !== fold || !vectors?.every(isStored)) continue;
    if (!before || uses.get(node.inputs.x) !== 1 || kept.has(node.inputs.x) || before.inputs.w === undefined) continue;
    const w = graph.values[before.inputs.w];
    const b = before.inputs.b === undefined ? undefined : graph.values[before.inputs.b];
    const filter = filterOf(before, w, vectors[0].shape[0]);
    if (!filter || !isStored(w) || (b && !isStored(b))) continue;
    const { scale, shift } = factors(graph, fold);
    const bias = b && numbersOf(b);
    const weights = numbersOf(w).map((v, i) => v * scale[filter(i)]);
    const offset = Float32Array.from(shift, (s, c) => (bias?.[c] ?? 0) * scale[c] + s);
    const name = (v: Value | undefined, last: string) => v?.name ?? `${before.layer}/${last}`;
    before.inputs.w = graph.constant(name(w, "kernel"), w.shape, weights).id;
    before.inputs.b = graph.constant(name(b, "bias"), [offset.length], offset).id;
    before.outputs.y = node.outputs.y;
    gone.add(node);
  }
  return nodes.filter((n) => !gone.has(n));
}
