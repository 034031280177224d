/** Finding layers by name, and reading what they give in one pass over the samples. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { elements, type Shape } from "../../kernels/operation";
import { Graph, type Value } from "../../nn/graph";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { callTapped, Expression, frozenCopies } from "./expression";

/** A layer as it is found in the graph: its last call, where a shared layer has several. */
export interface Tap {
  readonly path: string;
  readonly occurrence: number;
  /** Of its first output, without the batch dimension. */
  readonly shape: Shape;
}

/** All layers of a model in the order of computation, with their outputs' shapes. Nothing is run. */
export function layerTaps(model: Container): Tap[] {
  const taps = new Map<string, Tap>();
  const g = new Graph(1);
  const x = g.input("x", [1, ...model.inputShape]);
  callTapped(g, model, x, new Map(), ({ path, occurrence, values }) => {
    taps.delete(path); // a later call comes later in the order
    taps.set(path, { path, occurrence, shape: values[0].shape.slice(1) });
    return values;
  });
  return [...taps.values()];
}

/**
 * The layer of that path, or the only one whose path ends with it.
 *
 * @throws when there is none or more than one, with what there is.
 */
export function findTap(model: Container, name: string, taps: readonly Tap[] = layerTaps(model)): Tap {
  const exact = taps.find((t) => t.path === name);
  if (exact) return exact;
  const ending = taps.filter((t) => t.path.endsWith(`/${name}`));
  if (ending.length === 1) return ending[0];
  if (ending.length > 1)
    throw new ThawError(model.name, `${ending.length} layers are named ${name}`, ending.map((t) => t.path).join(", "));
  throw new ThawError(model.name, `has no layer ${name}`, `one of ${taps.map((t) => t.path).join(", ")}`);
}

export interface ReadOptions {
  readonly gpu: Gpu;
  /** Default 32. */
  readonly batchSize?: number;
}

/** What to read of a pass: a layer's output, put through `emit` (default: as it is); "output" is the model's own. */
export interface Wanted {
  readonly tap: Tap | "output";
  readonly emit?: (g: Graph, value: Value) => Value;
}

/** Values of several layers for all samples, from one pass. Arrays in C order, samples first, with shapes of one sample. */
export async function readTaps(
  model: Container,
  wanted: readonly Wanted[],
  x: Dataset["x"],
  { gpu, batchSize = 32 }: ReadOptions,
): Promise<{ readonly data: Float32Array; readonly shape: Shape }[]> {
  // A compiled model's newest weights are on its GPU.
  await model.readWeights();
  const parameters = frozenCopies(model);
  let shapes: Shape[] = [];
  const expression = new Expression({
    name: `${model.name} inside`,
    inputShape: model.inputShape,
    parameters: [...parameters.values()],
    emit: (g, input) => {
      const found = new Map<Wanted, Value>();
      const output = callTapped(g, model, input, parameters, ({ path, occurrence, values }) => {
        for (const w of wanted)
          if (w.tap !== "output" && w.tap.path === path && w.tap.occurrence === occurrence) found.set(w, values[0]);
        return values;
      });
      const results = wanted.map((w) => {
        const value = w.tap === "output" ? output : found.get(w)!;
        return w.emit ? w.emit(g, value) : value;
      });
      shapes = results.map((v) => v.shape.slice(1));
      // One port can be read, so that all lie side by side, sample by sample.
      const flat = results.map((v) => g.apply("reshape", { shape: [input.shape[0], -1] }, { x: v }));
      if (flat.length === 1) return g.apply("affine", { scale: 1, offset: 0 }, { x: flat[0] });
      return g.apply("concatenate", { axis: 1 }, Object.fromEntries(flat.map((v, i) => [`x${i}`, v])));
    },
  });
  try {
    await expression.compile({ gpu });
    const all = await expression.predict(x, { batchSize });
    const sizes = shapes.map(elements);
    const total = sizes.reduce((a, b) => a + b, 0);
    const count = all.length / total;
    let from = 0;
    return shapes.map((shape, i) => {
      const data = new Float32Array(count * sizes[i]);
      for (let n = 0; n < count; n++)
        data.set(all.subarray(n * total + from, n * total + from + sizes[i]), n * sizes[i]);
      from += sizes[i];
      return { data, shape };
    });
  } finally {
    expression.dispose();
  }
}
