/** Dropout with a counter-based generator: reproducible, and the mask is never stored. */
import { formatShape, ThawError } from "../../errors";
import { named, stridesOf, toFive, broadcastShape, sameShape } from "../elementwise/broadcasting";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../program";

export interface DropoutAttrs {
  /** Share of elements that become 0, from 0 up to but not including 1. */
  readonly rate: number;
  /** A number of the layer's own, so that layers draw different masks. */
  readonly salt: number;
  /** Shape of the mask, broadcast to x; default: that of x. */
  readonly noiseShape?: Shape;
}

interface Mask extends DropoutAttrs {
  readonly x: Shape;
}

export const dropoutKernel: Kernel<Mask> = {
  program: wgsl("layers", "dropout"),
  params: ({ x, rate, salt, noiseShape }) => ({
    count: elements(x),
    salt,
    rate,
    ...named("d", toFive(x), 1),
    ...named("m", stridesOf(noiseShape ?? x)),
  }),
  workgroups: ({ x }) => foldWorkgroups(ceilDiv(elements(x), 64)),
  sizes: ({ x }) => ({ x: elements(x), y: elements(x) }),
  cost: ({ x }) => ({ flops: 2 * elements(x), bytes: 8 * elements(x) }),
};

export const dropout = operation<DropoutAttrs>({
  name: "dropout",
  inputs: ["x"],
  outputs: ["y"],
  random: true,
  shapes: ({ rate, noiseShape }, { x }) => {
    if (!(rate >= 0 && rate < 1)) throw new ThawError("dropout", `rate ${rate}`, "at least 0 and below 1");
    if (noiseShape && !sameShape(broadcastShape("dropout", x!, noiseShape), x!)) {
      throw new ThawError(
        "dropout",
        `noise shape ${formatShape(noiseShape)} for ${formatShape(x)}`,
        "axes equal to the input's, or 1",
      );
    }
    return { y: x! };
  },
  gradients: { x: { op: "dropout", from: { x: "dy" } } },
  variants: {
    plain: (attrs, { x }) => ({ dispatches: [dispatch(dropoutKernel, { ...attrs, x: x }, { x: "x", y: "y" })] }),
  },
  cases: [
    { attrs: { rate: 0.5, salt: 1 }, inputs: { x: [1] } },
    { attrs: { rate: 0.2, salt: 2 }, inputs: { x: [4, 33] } },
    { attrs: { rate: 0.5, salt: 3, noiseShape: [3, 1, 1, 5] }, inputs: { x: [3, 4, 2, 5] } },
    { attrs: { rate: 0.3, salt: 4, noiseShape: [5, 1] }, inputs: { x: [5, 9] } },
    { attrs: { rate: 0, salt: 5 }, inputs: { x: [7] } },
  ],
});
