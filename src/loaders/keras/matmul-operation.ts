/** Products of two tensors, as operation nodes of a functional model hold them. */
import type { Graph, Value } from "../../nn/graph";
import { Layer } from "../../nn/layer";

/** y[..., m, n] = sum over k of a[..., m, k] * b[..., k, n]. Two inputs with the same dimensions in front; no weights. */
export class MatmulOperation extends Layer {
  readonly className = "MatmulOperation";
  readonly saidByOperations = true;

  call(g: Graph, inputs: readonly Value[]): Value[] {
    this.expectInputs(inputs, 2);
    const [x, w] = inputs;
    return [g.apply("matmul", {}, { x, w })];
  }

  config(): Record<string, unknown> {
    return {};
  }
}
