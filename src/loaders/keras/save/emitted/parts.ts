/**
 * Layers of Thaw's own, as those of imported ONNX networks, in Keras's layers: the operations that such a layer writes into a graph are read,
 * and each is said by layers that every Keras has. Nothing of it trains, but for products that are a Dense or a LayerScale.
 */
import { Graph } from "../../../../nn/graph";
import type { Layer, SampleShape } from "../../../../nn/layer";
import type { SaveDialect } from "../entries";
import type { Parts } from "../parts";
import { isTensor } from "./builder";
import { translations } from "./translations";
import { batch, Translator } from "./translator";

/** Marks layers that compute the same in training steps, and whose operations say all there is to them. */
export interface SaidByOperations {
  readonly saidByOperations: true;
}

export const isSaidByOperations = (layer: Layer): boolean => "saidByOperations" in layer;

/** @returns a text where Keras's layers cannot say it: what is wrong. */
export function emittedParts(layer: Layer, shapes: readonly SampleShape[], dialect: SaveDialect): Parts | string {
  const g = new Graph(batch);
  const inputs = shapes.map((shape, i) => g.input(`x${i}`, [batch, ...shape]));
  const outputs = g.within(layer.name, () => layer.call(g, inputs, { training: false }));
  const translator = new Translator(layer, g, dialect);
  for (const [i, value] of inputs.entries()) translator.known.set(value.id, { input: `x${i}`, sample: shapes[i] });
  for (const node of g.nodes) {
    const problem = translator.translate(node, translations);
    if (problem !== undefined) return `${layer.className}: ${problem}`;
  }
  const ends = outputs.flatMap((value) => {
    const end = translator.of(value);
    return end && isTensor(end) ? [end.input] : [];
  });
  if (ends.length < outputs.length) return `${layer.className}: an output that is constant`;
  return { parts: translator.b.parts, outputs: ends };
}
