/** Matrix products: Gemm for a dense layer on vectors, MatMul and Add for everything else. Matrices stay as they are, [inputs, units]. */
import { ThawError } from "../../../../errors";
import type { MatmulAttrs } from "../../../../kernels/matmul/matmul";
import type { Value } from "../../../../nn/graph";
import type { GraphWriter } from "../graph-writer";
import { ordered, plain } from "../order";
import type { OperationWriters, WriteOperation } from "./writer";

/** The last two axes in each other's place. */
const swapped = (rank: number): number[] => [...plain(rank).slice(0, -2), rank - 1, rank - 2];

/** A factor as it is multiplied. */
function factor(w: GraphWriter, x: Value, transposed: boolean | undefined): string {
  const order = transposed ? swapped(x.shape.length) : plain(x.shape.length);
  return w.arranged(x, order, ordered(x.shape, order));
}

const matmul: WriteOperation = (w, { attrs, inputs: { x, w: matrix, b }, outputs: { y } }) => {
  const { transposeX, transposeW, flatten } = attrs as MatmulAttrs;
  if (flatten)
    throw new ThawError(
      w.layer,
      "sums a product over all leading axes",
      "products that keep them, as networks make them",
    );
  if (x.shape.length === 2 && matrix.shape.length === 2 && x.shape[0] === w.batch) {
    const inputs = [w.plain(x), factor(w, matrix, false), ...(b ? [w.plain(b)] : [])];
    w.set(y, w.node("Gemm", inputs, transposeW ? { transB: 1 } : {}));
    return;
  }
  const product = w.node("MatMul", [factor(w, x, transposeX), factor(w, matrix, transposeW)]);
  w.set(y, b ? w.node("Add", [product, w.plain(b)]) : product);
};

export const products: OperationWriters = { matmul };
