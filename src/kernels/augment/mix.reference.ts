import { elements } from "../operation";
import { reference } from "../reference";
import type { MixAttrs, MixLabelsAttrs } from "./mix";
import { headerFloats, recordFloats, slotFloats } from "./transforms";

export const augmentMixReference = reference<MixAttrs>(
  "augmentMix",
  ({ entries, entry, cut }, { x, parameters }, shapes) => {
    const [samples, height, width, channels] = shapes.x!;
    const size = x!.length / samples;
    const y = x!.map((own, i) => {
      const n = Math.floor(i / size);
      const record = parameters!.subarray(n * recordFloats(entries));
      const [left, right, top, bottom, , , , on] = record.subarray(headerFloats + slotFloats * entry);
      if (on === 0) return own;
      const [share, partner] = record.subarray(6);
      const other = x![partner * size + (i % size)];
      if (!cut) return share * own + (1 - share) * other;
      const column = Math.floor(i / channels) % width;
      const row = Math.floor(i / channels / width) % height;
      return column >= left && column < right && row >= top && row < bottom ? other : own;
    });
    return { y };
  },
);

export const augmentLabelsReference = reference<MixLabelsAttrs>(
  "augmentLabels",
  ({ entries, classes, sparse }, { labels, parameters }, shapes) => {
    const [samples] = shapes.parameters!;
    const rows = elements(shapes.labels!) / (sparse ? 1 : classes);
    const each = rows / samples;
    const label = (row: number, c: number) => (sparse ? Number(labels![row] === c) : labels![row * classes + c]);
    const y = Float64Array.from({ length: rows * classes }, (_, i) => {
      const [row, c] = [Math.floor(i / classes), i % classes];
      const [share, partner] = parameters!.subarray(Math.floor(row / each) * recordFloats(entries) + 6);
      return share * label(row, c) + (1 - share) * label(partner * each + (row % each), c);
    });
    return { y };
  },
);
