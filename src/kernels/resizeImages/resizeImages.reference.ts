import { reference } from "../reference";
import type { ResizeImagesAttrs, ResizeMethod } from "./resizeImages";

const bits = new DataView(new ArrayBuffer(4));

function asFloat(word: number): number {
  bits.setUint32(0, word);
  return bits.getFloat32(0);
}

/** Weights of the n elements for element p of m. */
function weights(method: ResizeMethod, n: number, m: number, p: number): number[] {
  const all = Array.from({ length: n }, () => 0);
  if (method === "nearest") {
    all[Math.floor(((2 * p + 1) * n) / (2 * m))] = 1; // one division of whole numbers: exact where it matters
    return all;
  }
  const u = ((p + 0.5) * n) / m - 0.5;
  const stretch = method === "antialias" ? Math.max(1, n / m) : 1;
  const triangle = all.map((_, k) => Math.max(0, 1 - Math.abs(k - u) / stretch));
  const total = triangle.reduce((a, b) => a + b, 0);
  return triangle.map((w) => w / total);
}

/** Each element inside the box as a sum over all pixels of the frame, which are laid on the background first. */
export const resizeImagesReference = reference<ResizeImagesAttrs>(
  "resizeImages",
  ({ size, method, format, frame, box, background, pad, bytes }, { image }, shapes) => {
    const [, width] = shapes.image!;
    const [top, left, rows, columns] = frame;
    const pixel = (r: number, c: number, channel: number) => {
      if (format === "float32") return asFloat(image![3 * (r * width + c) + channel]);
      const word = image![r * width + c];
      const alpha = Math.floor(word / 2 ** 24) / 255;
      const color = Math.floor(word / 2 ** (8 * channel)) % 256;
      return alpha * color + (1 - alpha) * background[channel];
    };
    const [boxTop, boxLeft, boxRows, boxColumns] = box;
    const y = new Float64Array(size[0] * size[1] * 3);
    y.forEach((_, i) => (y[i] = pad[i % 3]));
    for (let p = 0; p < boxRows; p++) {
      const down = weights(method, rows, boxRows, p);
      for (let q = 0; q < boxColumns; q++) {
        const across = weights(method, columns, boxColumns, q);
        for (let c = 0; c < 3; c++) {
          let sum = 0;
          for (let r = 0; r < rows; r++)
            for (let k = 0; k < columns; k++)
              if (down[r] * across[k] !== 0) sum += down[r] * across[k] * pixel(top + r, left + k, c);
          y[3 * ((boxTop + p) * size[1] + boxLeft + q) + c] = sum;
        }
      }
    }
    if (bytes) throw new Error("resizeImages: the reference gives numbers, not packed bytes.");
    return { y };
  },
  ({ frame, box }) => Math.ceil(4 * Math.max(1, frame[2] / box[2]) * Math.max(1, frame[3] / box[3])),
);
