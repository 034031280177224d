/** How far the weights of each layer moved, e.g. by fine-tuning. */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";

/** Copies of all parameters by path. */
export type WeightSnapshot = ReadonlyMap<string, Float32Array>;

/** The weights and moving statistics as they are now, of a compiled model those on its GPU. */
export async function snapshotWeights(model: Container): Promise<WeightSnapshot> {
  await model.readWeights();
  model.assignPaths();
  return new Map(model.allParameters().map((p) => [p.path, p.value.slice()]));
}

export interface LayerChange {
  /** Path as in `model.summary()`. */
  readonly layer: string;
  readonly trainable: boolean;
  /** |after - before| / |before| over all weights of the layer; 0 where nothing moved, Infinity where all were zero before. */
  readonly relative: number;
  /** Cosine of the angle between before and after; 1 where nothing moved, 0 where one of them is all zero. */
  readonly cosine: number;
  /** Largest change of a single weight. */
  readonly largest: number;
  /** The same of moving statistics (batch normalization), which change without being trained; absent where there are none. */
  readonly statistics?: { readonly relative: number; readonly largest: number };
}

interface Pair {
  readonly before: Float32Array;
  readonly after: Float32Array;
}

/** Sums in float64: a change is the small difference of large numbers. */
function compare(pairs: readonly Pair[]) {
  let moved = 0;
  let from = 0;
  let to = 0;
  let dot = 0;
  let largest = 0;
  for (const { before, after } of pairs) {
    for (let i = 0; i < before.length; i++) {
      const [a, b] = [before[i], after[i]];
      moved += (b - a) ** 2;
      from += a * a;
      to += b * b;
      dot += a * b;
      largest = Math.max(largest, Math.abs(b - a));
    }
  }
  const cosine = from > 0 && to > 0 ? dot / Math.sqrt(from * to) : 0;
  return {
    relative: moved === 0 ? 0 : Math.sqrt(moved / from),
    cosine: moved === 0 ? 1 : Math.min(Math.max(cosine, -1), 1),
    largest,
  };
}

/**
 * Change of each layer that has parameters, in the order of computation; exactly 0 where nothing was trained.
 *
 * @param after default: the model's weights now.
 * @throws for a snapshot of another model.
 */
export async function weightChange(
  model: Container,
  before: WeightSnapshot,
  after?: WeightSnapshot,
): Promise<LayerChange[]> {
  const now = after ?? (await snapshotWeights(model));
  model.assignPaths();
  const pair = (path: string, count: number): Pair => {
    const [a, b] = [before.get(path), now.get(path)];
    if (a?.length !== count || b?.length !== count)
      throw new ThawError(
        "weightChange",
        `${path} has ${count} values, the snapshots ${a?.length ?? "none"} and ${b?.length ?? "none"}`,
        "snapshots of this model",
        "Take them with snapshotWeights(model).",
      );
    return { before: a, after: b };
  };
  return model
    .flatLayers()
    .filter((layer) => layer.parameters.length > 0)
    .map((layer) => {
      const of = (kind: "weight" | "state") =>
        layer.parameters.filter((p) => p.kind === kind).map((p) => pair(p.path, p.count));
      const state = of("state");
      const path = layer.parameters[0].path.slice(0, -layer.parameters[0].name.length - 1);
      const { relative, largest } = compare(state);
      return {
        layer: path,
        trainable: layer.trainable,
        ...compare(of("weight")),
        ...(state.length > 0 && { statistics: { relative, largest } }),
      };
    });
}
