import { reference } from "../reference";

/** softmax of each row of `classes` values. */
export function softmaxRows(x: Float64Array, classes: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += classes) {
    const row = x.subarray(start, start + classes);
    const top = Math.max(...row);
    const sum = row.reduce((s, v) => s + Math.exp(v - top), 0);
    row.forEach((v, c) => (y[start + c] = Math.exp(v - top) / sum));
  }
  return y;
}

export const softmaxReference = reference<object>("softmax", (_, { x }, shapes) => ({
  y: softmaxRows(x!, shapes.x!.at(-1)!),
}));

export const softmaxGradientReference = reference<object>(
  "softmaxGradient",
  (_, { dy, y }, shapes) => {
    const classes = shapes.y!.at(-1)!;
    const dot = (row: number) => {
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += dy![row * classes + c] * y![row * classes + c];
      return sum;
    };
    return { dx: y!.map((v, i) => v * (dy![i] - dot(Math.floor(i / classes)))) };
  },
  (_, { y }) => y!.at(-1)!,
);

export const logSoftmaxReference = reference<object>("logSoftmax", (_, { x }, shapes) => ({
  y: softmaxRows(x!, shapes.x!.at(-1)!).map(Math.log),
}));

export const logSoftmaxGradientReference = reference<object>(
  "logSoftmaxGradient",
  (_, { dy, y }, shapes) => {
    const classes = shapes.y!.at(-1)!;
    const sum = (row: number) => dy!.subarray(row * classes, (row + 1) * classes).reduce((a, b) => a + b, 0);
    return { dx: y!.map((v, i) => dy![i] - Math.exp(v) * sum(Math.floor(i / classes))) };
  },
  (_, { y }) => y!.at(-1)!,
);
