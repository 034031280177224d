/** The studio's data: what is trained on and what is measured on, and how a page sees them. */
import { take, type LabelledDataset } from "../../src/transfer/index";
import type { Dataset } from "../../src/index";
import type { DataInfo, Picture } from "./protocol";

export interface Parts {
  readonly own: boolean;
  readonly training: LabelledDataset;
  readonly validation: LabelledDataset;
  readonly skipped: DataInfo["skipped"];
}

const thumbnailsAClass = 24;
/** Pixels of a side at most. */
const thumbnailSize = 64;

export const countOf = ({ y }: LabelledDataset): number => y.length;

/** The first images, as many as there are. */
export const firstOf = (data: LabelledDataset, count: number): LabelledDataset =>
  count >= data.y.length
    ? data
    : take(
        data,
        Array.from({ length: count }, (_, i) => i),
      );

/** @throws where a class would be left without an image. */
export function withoutImage(parts: Parts, index: number): Parts {
  const { training } = parts;
  const id = training.y[index];
  if (training.y.filter((y) => y === id).length < 2)
    throw new Error(`"${training.classNames[id]}" has one training image left; a class needs one at least.`);
  const rest = Array.from(training.y.keys()).filter((i) => i !== index);
  return { ...parts, training: take(training, rest) };
}

/** One sample for a canvas, made smaller by leaving pixels out where it is larger than `most`. */
export function pictureOf({ x, shape }: Pick<Dataset, "x" | "shape">, index: number, most = Infinity): Picture {
  const [height, width, channels] = shape;
  const step = Math.max(1, Math.ceil(Math.max(height, width) / most));
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const rgba = new Uint8ClampedArray(rows * columns * 4);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const from = ((index * height + row * step) * width + column * step) * channels;
      const grey = channels < 3;
      rgba.set([x[from], x[grey ? from : from + 1], x[grey ? from : from + 2], 255], 4 * (row * columns + column));
    }
  return { width: columns, height: rows, rgba };
}

export function describeData({ own, training, validation, skipped }: Parts): DataInfo {
  const count = ({ y }: LabelledDataset, id: number) => y.reduce((n, label) => n + Number(label === id), 0);
  const classes = training.classNames.map((name, id) => {
    const places = [...training.y.keys()].filter((i) => training.y[i] === id).slice(0, thumbnailsAClass);
    const thumbnails = places.map((index) => ({
      index,
      name: training.names?.[index] ?? `${name} ${index}`,
      ...pictureOf(training, index, thumbnailSize),
    }));
    return { name, training: count(training, id), validation: count(validation, id), thumbnails };
  });
  return { own, classes, skipped };
}
