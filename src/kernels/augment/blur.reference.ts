import { reference } from "../reference";
import type { BlurAttrs } from "./blur";
import { inside } from "./pixels.reference";
import { headerFloats, recordFloats, slotFloats } from "./transforms";

export const augmentBlurReference = reference<BlurAttrs>(
  "augmentBlur",
  ({ entries, entry, radius }, { x, parameters }, shapes) => {
    const [, height, width, channels] = shapes.x!;
    const y = x!.map((own, i) => {
      const c = i % channels;
      const column = Math.floor(i / channels) % width;
      const row = Math.floor(i / channels / width) % height;
      const n = Math.floor(i / channels / width / height);
      const [sigma, , , , , , , on] = parameters!.subarray(
        n * recordFloats(entries) + headerFloats + slotFloats * entry,
      );
      if (on === 0) return own;
      let [sum, total] = [0, 0];
      for (let dy = -radius; dy <= radius; dy++)
        for (let dx = -radius; dx <= radius; dx++) {
          const w = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
          const at =
            (n * height + inside(row + dy, height, "reflect")!) * width + inside(column + dx, width, "reflect")!;
          sum += w * x![at * channels + c];
          total += w;
        }
      return sum / total;
    });
    return { y };
  },
  ({ radius }) => (2 * radius + 1) ** 2,
);
