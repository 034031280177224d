/** Shapes of a network's inputs, and in which order images come. */
import { formatShape, ThawError } from "../../errors";
import type { SampleShape } from "../../nn/layer";
import { batchSize } from "./evaluate";
import type { OnnxGraph, OnnxInput } from "./ir";
import type { Layout } from "./layout/tensor";

export interface InputOptions {
  /** Sample shape of the only input, [height, width, channels] for images, for files that leave sizes open. */
  readonly inputShape?: SampleShape;
}

export interface KnownInputs {
  readonly layouts: ReadonlyMap<string, Layout>;
  /** The batch that the file says as a number; 1 where it leaves it open. */
  readonly literalBatch: number;
}

/**
 * @param layout how images go in, where the file says so itself
 * @throws for sizes that neither the file nor the options say, and for both saying different ones.
 */
export function readInputs(
  name: string,
  graph: OnnxGraph,
  options: InputOptions,
  layout?: "NCHW" | "NHWC",
): KnownInputs {
  if (graph.inputs.length === 0) throw new ThawError(name, "has no inputs", "a model with at least one");
  if (options.inputShape && graph.inputs.length > 1)
    throw new ThawError(name, `has ${graph.inputs.length} inputs`, "one, where inputShape is given");
  const layouts = new Map<string, Layout>();
  let literalBatch = 1;
  for (const input of graph.inputs) {
    const order =
      layout && input.dims?.length === 4 ? (layout === "NCHW" ? "channelsFirst" : "other") : imageOrder(graph, input);
    const dims = sizesOf(name, input, order, options.inputShape);
    if (typeof input.dims?.[0] === "number") literalBatch = input.dims[0];
    const shape = [batchSize, ...(order === "channelsFirst" ? [dims[1], dims[2], dims[0]] : dims)];
    const axes = order === "channelsFirst" ? [[0], [3], [1], [2]] : shape.map((_, i) => [i]);
    layouts.set(input.name, { shape, axes, kind: input.kind });
  }
  return { layouts, literalBatch };
}

/** Sizes behind the batch, in the file's order. */
function sizesOf(
  name: string,
  input: OnnxInput,
  order: "channelsFirst" | "other",
  given: SampleShape | undefined,
): number[] {
  if (!input.dims && !given)
    throw new ThawError(
      name,
      `its input ${input.name} has no shape`,
      "a shape",
      "Pass { inputShape: [height, width, channels] }.",
    );
  if (input.dims?.length === 0) throw new ThawError(name, `its input ${input.name} is a single number`, "[batch, ...]");
  const own = input.dims?.slice(1) ?? given!.map(() => undefined);
  const wanted = given && order === "channelsFirst" ? [given.at(-1), ...given.slice(0, -1)] : given;
  if (wanted && wanted.length !== own.length)
    throw new ThawError(
      name,
      `inputShape is ${formatShape(given)} for ${own.length} dimensions`,
      `${own.length} sizes`,
    );
  return own.map((d, i) => {
    const size = typeof d === "number" ? d : wanted?.[i];
    if (size === undefined)
      throw new ThawError(
        name,
        `its input ${input.name} leaves a size open: [batch, ${own.map((s) => s ?? "?").join(", ")}]`,
        "known sizes",
        "Pass { inputShape: [height, width, channels] }.",
      );
    if (wanted && wanted[i] !== size)
      throw new ThawError(
        name,
        `inputShape is ${formatShape(given)}, and the file says [batch, ${own.map((s) => s ?? "?").join(", ")}]`,
        "the same sizes",
      );
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 24)
      throw new ThawError(name, `a size of ${size} for its input ${input.name}`, "a whole number from 1");
    return size;
  });
}

/** Operators whose images are [N, C, H, W]. */
const ofImages = new Set([
  "Conv",
  "ConvTranspose",
  "MaxPool",
  "AveragePool",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "BatchNormalization",
  "InstanceNormalization",
  "Resize",
  "Upsample",
  "LRN",
]);

/**
 * Whether an input with four dimensions is [N, C, H, W]: what reads it first says so, through whatever works on single
 * elements. A transpose says that the file begins with [N, H, W, C].
 */
function imageOrder(graph: OnnxGraph, input: OnnxInput): "channelsFirst" | "other" {
  if (input.dims && input.dims.length !== 4) return "other";
  const seen = new Set([input.name]);
  for (const node of graph.nodes) {
    if (!node.inputs.some((i) => seen.has(i))) continue;
    if (ofImages.has(node.op)) return "channelsFirst";
    if (node.op === "Transpose") {
      const to = node.attributes.get("perm");
      return Array.isArray(to) && to.join() === "0,2,3,1" ? "channelsFirst" : "other";
    }
    if (node.op === "Shape") continue;
    for (const output of node.outputs) seen.add(output);
  }
  const channels = input.dims?.[1];
  return typeof channels === "number" && channels <= 4 ? "channelsFirst" : "other";
}
