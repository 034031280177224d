/** Layers that take pixels to what a network expects. */
import type { Graph, Value } from "./graph";
import { Layer } from "./layer";
import { Rescaling } from "./layers/rescaling";
import type { Preprocessing } from "./preprocessing";
import type { SymbolicTensor } from "./symbolic";

/** Turns red, green, blue into blue, green, red. Input `[batch, ..., 3]`; no weights. */
class ReverseChannels extends Layer {
  readonly className = "ReverseChannels";
  readonly saidByOperations = true;

  call(g: Graph, [x]: readonly Value[]): Value[] {
    const channels = x.shape.at(-1)!;
    const cut = (from: number) =>
      g.apply(
        "slice",
        {
          begin: x.shape.map((_, a) => (a === x.shape.length - 1 ? from : 0)),
          size: [...x.shape.slice(1).fill(-1), 1],
        },
        { x },
      );
    const reversed = Array.from({ length: channels }, (_, i) => cut(channels - 1 - i));
    return [g.apply("concatenate", { axis: -1 }, Object.fromEntries(reversed.map((v, i) => [`x${i}`, v])))];
  }

  config(): Record<string, unknown> {
    return {};
  }
}

/** Pixels of 0 to 255, red first, as the network wants them; `mode: "none"` leaves them as they are. */
export function preprocess(pixels: SymbolicTensor, { mode, channels, scale, offset }: Preprocessing): SymbolicTensor {
  if (mode === "none") return pixels;
  const ordered = channels === "bgr" ? new ReverseChannels({ name: "reverse_channels" }).apply(pixels) : pixels;
  return new Rescaling({ name: "preprocessing", scale, offset }).apply(ordered);
}
