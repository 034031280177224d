/** Arrays as RGBA images for a canvas. */
import { ThawError } from "../../errors";

/** For `new ImageData(data, width, height)`. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  /** Four bytes a pixel, not premultiplied. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** "gray": black to white. "viridis": dark blue, green, yellow (M. van der Walt and N. Smith), five of its colours joined by lines. "heat": black, red, yellow, white. */
export type ColorMap = "gray" | "viridis" | "heat";

type Color = readonly [number, number, number];

const anchors: Readonly<Record<ColorMap, readonly Color[]>> = {
  gray: [
    [0, 0, 0],
    [255, 255, 255],
  ],
  viridis: [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
  ],
  heat: [
    [0, 0, 0],
    [255, 0, 0],
    [255, 255, 0],
    [255, 255, 255],
  ],
};

/** The colour of a number from 0 to 1. */
export function colorOf(value: number, map: ColorMap): Color {
  const colors = anchors[map];
  if (!colors) throw new ThawError("image", `colour map "${map}"`, Object.keys(anchors).join(", "));
  const at = Math.min(Math.max(value, 0), 1) * (colors.length - 1);
  const low = Math.min(Math.floor(at), colors.length - 2);
  const mix = (c: number) => colors[low][c] + (at - low) * (colors[low + 1][c] - colors[low][c]);
  return [mix(0), mix(1), mix(2)];
}

/** Least and largest value become the ends of the map; a constant plane is its lower end. */
export function planeImage(plane: ArrayLike<number>, width: number, height: number, map: ColorMap): RgbaImage {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < plane.length; i++) {
    low = Math.min(low, plane[i]);
    high = Math.max(high, plane[i]);
  }
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    data.set(colorOf(high > low ? (plane[i] - low) / (high - low) : 0, map), i * 4);
    data[i * 4 + 3] = 255;
  }
  return { width, height, data };
}

/** Images of one size in rows of `columns` (default: as square as possible), with transparent pixels between them. */
export function sprite(images: readonly RgbaImage[], options: { columns?: number; gap?: number } = {}): RgbaImage {
  if (images.length === 0) throw new ThawError("sprite", "there are no images", "at least one");
  const { columns = Math.ceil(Math.sqrt(images.length)), gap = 1 } = options;
  const { width: w, height: h } = images[0];
  const rows = Math.ceil(images.length / columns);
  const width = columns * (w + gap) - gap;
  const height = rows * (h + gap) - gap;
  const data = new Uint8ClampedArray(width * height * 4);
  for (const [i, image] of images.entries()) {
    if (image.width !== w || image.height !== h)
      throw new ThawError("sprite", `images of ${w}x${h} and ${image.width}x${image.height}`, "one size");
    const left = (i % columns) * (w + gap);
    const top = Math.floor(i / columns) * (h + gap);
    for (let y = 0; y < h; y++)
      data.set(image.data.subarray(y * w * 4, (y + 1) * w * 4), ((top + y) * width + left) * 4);
  }
  return { width, height, data };
}

/** Bilinear, pixel centres at halves, edges repeated: as Keras's and PyTorch's resize without aligned corners. */
export function resizePlane(
  plane: ArrayLike<number>,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
): Float32Array {
  const result = new Float32Array(toHeight * toWidth);
  const place = (i: number, from: number, to: number) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, from - 1), share: at - low };
  };
  for (let y = 0; y < toHeight; y++) {
    const v = place(y, height, toHeight);
    for (let x = 0; x < toWidth; x++) {
      const h = place(x, width, toWidth);
      const row = (r: number) => plane[r * width + h.low] * (1 - h.share) + plane[r * width + h.high] * h.share;
      result[y * toWidth + x] = row(v.low) * (1 - v.share) + row(v.high) * v.share;
    }
  }
  return result;
}
