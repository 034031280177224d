/** Layers that are loaded when the first file needs one of them: they bring operations that other networks do without. */
import type * as more from "../../nn/layers/more/index";
import { registerLayers } from "../../nn/layers/registry";

type MoreLayers = typeof more;

/** Their class names, known before they are there. */
export const moreLayerNames: readonly (keyof MoreLayers)[] = [
  "Conv2DTranspose",
  "Embedding",
  "GroupNormalization",
  "MultiHeadAttention",
  "UnitNormalization",
];

/**
 * The layer classes beside those of `thaw` itself, for networks built in code; files load them by themselves.
 *
 * @example const { MultiHeadAttention } = await loadMoreLayers();
 */
export async function loadMoreLayers(): Promise<MoreLayers> {
  const [layers, { registerMoreOperations }] = await Promise.all([
    import("../../nn/layers/more/index"),
    import("../../nn/more-operations"),
  ]);
  registerMoreOperations();
  registerLayers(layers);
  return layers;
}

/** Loads them where a configuration names one. */
export async function loadLayersOf(config: unknown): Promise<void> {
  const names = new Set<unknown>(moreLayerNames);
  const left = [config];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    if ("class_name" in value && names.has(value.class_name)) {
      await loadMoreLayers();
      return;
    }
    for (const inner of Object.values(value)) if (typeof inner === "object") left.push(inner);
  }
}
