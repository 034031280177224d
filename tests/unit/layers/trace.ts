/** What the tests of this folder share: a layer or model written into a graph, without a GPU. */
import { Graph } from "../../../src/nn/graph";
import type { Layer } from "../../../src/nn/layer";

/** Operations that a layer writes for inputs of these shapes, batch included. */
export function traced(layer: Layer, shapes: readonly (readonly number[])[], training = false) {
  const g = new Graph(shapes[0][0]);
  layer.ensureBuilt(shapes.map((s) => s.slice(1)));
  const inputs = shapes.map((shape, i) => g.input(`input_${i}`, shape));
  const outputs = g.within(layer.name, () => layer.call(g, inputs, { training }));
  return {
    g,
    inputs,
    outputs,
    ops: g.nodes.map((n) => n.op),
    attrs: g.nodes.map((n) => n.attrs),
    shape: outputs[0].shape,
  };
}
