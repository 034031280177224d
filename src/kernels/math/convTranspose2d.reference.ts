import { elements } from "../operation";
import { reference } from "../reference";
import type { ConvTranspose2dAttrs } from "./convTranspose2d";

/** Each pixel of x spreads the filter, times itself, over y. */
export const convTranspose2dReference = reference<ConvTranspose2dAttrs>(
  "convTranspose2d",
  ({ strides, dilation, pads, groups }, { x, w, b }, shapes) => {
    const [batch, rows, columns, channels] = shapes.x!;
    const [tapRows, tapColumns, each] = shapes.w!;
    const [, outRows, outColumns, filters] = shapes.y!;
    const y = Float64Array.from({ length: elements(shapes.y!) }, (_, i) => b?.[i % filters] ?? 0);
    for (let n = 0; n < batch; n++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++)
          for (let i = 0; i < tapRows; i++)
            for (let j = 0; j < tapColumns; j++) {
              const p = row * strides[0] + i * dilation[0] - pads[0];
              const q = column * strides[1] + j * dilation[1] - pads[2];
              if (p < 0 || p >= outRows || q < 0 || q >= outColumns) continue;
              for (let c = 0; c < channels; c++)
                for (let o = 0; o < each; o++) {
                  const filter = Math.floor(c / (channels / groups)) * each + o;
                  y[((n * outRows + p) * outColumns + q) * filters + filter] +=
                    x![((n * rows + row) * columns + column) * channels + c] *
                    w![((i * tapColumns + j) * each + o) * channels + c];
                }
            }
    return { y };
  },
  (_, { w }) => w![0] * w![1] * w![3],
);
