import { reference } from "../reference";

/** One plane of pixels (lists of channels) turned by a quarter counter-clockwise. */
function quarter<T>(rows: readonly (readonly T[])[]): T[][] {
  const size = rows.length;
  return rows.map((_, i) => rows.map((__, j) => rows[j][size - 1 - i]));
}

export const rotationsReference = reference<object>("rotations", (_, { x }, shapes) => {
  const [images, size, , channels] = shapes.x!;
  const y: number[] = [];
  for (let n = 0; n < images; n++) {
    const pixel = (i: number, j: number) => {
      const from = ((n * size + i) * size + j) * channels;
      return [...x!.subarray(from, from + channels)];
    };
    let plane = Array.from({ length: size }, (__, i) => Array.from({ length: size }, (___, j) => pixel(i, j)));
    for (let turn = 0; turn < 4; turn++) {
      y.push(...plane.flat(2));
      plane = quarter(plane);
    }
  }
  return { y: Float64Array.from(y) };
});
