/** A strip of the training images. */
import type { Dataset } from "../src/index";
import { byId } from "./dom";

/** Draws the first images of a data set of bytes, in rows; the page scales them up pixel by pixel. */
export function drawSamples({ x, shape }: Dataset, columns = 24, rows = 2): void {
  const [height, width] = shape;
  const canvas = byId("samples", HTMLCanvasElement);
  canvas.width = columns * width;
  canvas.height = rows * height;
  const context = canvas.getContext("2d")!;
  for (let tile = 0; tile < columns * rows; tile++) {
    const picture = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const from = (tile * width * height + i) * 3;
      picture.data.set([x[from], x[from + 1], x[from + 2], 255], 4 * i);
    }
    context.putImageData(picture, (tile % columns) * width, Math.floor(tile / columns) * height);
  }
}
