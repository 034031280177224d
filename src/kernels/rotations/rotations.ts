/** The four rotations of each image by quarters of a circle: samples of rotation prediction (Gidaris et al. 2018). */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../late-program";

interface Images {
  readonly x: Shape;
}

const count = ({ x }: Images) => 4 * elements(x);

export const rotationsKernel: Kernel<Images> = {
  program: wgsl("inside", "rotations"),
  params: (p) => ({ count: count(p), size: p.x[1], channels: p.x[3] }),
  workgroups: (p) => foldWorkgroups(ceilDiv(count(p), 64)),
  sizes: (p) => ({ x: elements(p.x), y: count(p) }),
  cost: (p) => ({ flops: 0, bytes: 8 * count(p) }),
};

/** `[n, size, size, channels]` becomes `[4 n, size, size, channels]`: rotation r of image n is number 4 n + r. For samples, which need no gradient. */
export const rotations = operation<object>({
  name: "rotations",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }): Record<string, Shape> => {
    if (x?.length !== 4 || x[1] !== x[2])
      throw new ThawError(
        "rotations",
        `images of shape ${formatShape(x)}`,
        "[samples, size, size, channels], as high as they are wide",
        "Crop or resize the images to squares.",
      );
    return { y: [4 * x[0], ...x.slice(1)] };
  },
  gradients: {},
  constants: ["x"],
  variants: { plain: (_, { x }) => ({ dispatches: [dispatch(rotationsKernel, { x }, { x: "x", y: "y" })] }) },
  cases: (
    [
      [1, 1, 1, 1],
      [2, 3, 3, 5],
      [3, 8, 8, 1],
      [1, 13, 13, 3],
      [5, 4, 4, 4],
    ] as Shape[]
  ).map((x) => ({ attrs: {}, inputs: { x } })),
});
