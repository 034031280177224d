import { elements } from "../operation";
import { reference } from "../reference";
import type { GatherAttrs } from "./gather";

export const gatherReference = reference<GatherAttrs>("gather", ({ shape, bytes }, { data, index }, _shapes, step) => {
  const count = elements(shape);
  const sample = count / shape[0];
  const packed = Uint32Array.from(data!);
  const values: ArrayLike<number> = bytes ? new Uint8Array(packed.buffer) : new Float32Array(packed.buffer);
  return {
    y: Float64Array.from(
      { length: count },
      (_, i) => values[index![step.batchStart + Math.floor(i / sample)] * sample + (i % sample)],
    ),
  };
});
