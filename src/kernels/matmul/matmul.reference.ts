import { activate } from "../activation/activation.reference";
import { reference } from "../reference";
import { gemmOf, type MatmulAttrs } from "./matmul";

export const matmulReference = reference<MatmulAttrs>(
  "matmul",
  (attrs, { x, w, b, scale, residual }, shapes) => {
    const { batch, m, n, k, transposeX, transposeW, epilogue } = gemmOf(attrs, shapes);
    const y = new Float64Array(batch * m * n);
    for (let p = 0; p < batch; p++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++) {
            sum +=
              x![p * m * k + (transposeX ? l * m + i : i * k + l)] *
              w![p * k * n + (transposeW ? j * k + l : l * n + j)];
          }
          const at = (p * m + i) * n + j;
          y[at] = activate(
            epilogue.activation,
            sum * (scale ? scale[j] : 1) + (b ? b[j] : 0) + (residual ? residual[at] : 0),
          );
        }
    return { y };
  },
  (attrs, shapes) => gemmOf(attrs, shapes).k,
);
