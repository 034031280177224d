/** What an augmentation makes of images, to look at. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { elements } from "../../kernels/operation";
import { adapterTraits } from "../../nn/adapter-traits";
import { makePlan } from "../../nn/compile/make-plan";
import type { Preparation } from "../../nn/compile/trace";
import { DeviceState } from "../../nn/device-state";
import { Executor } from "../../nn/executor";
import { meanSquaredError } from "../../nn/objectives";
import type { Dataset } from "../../nn/trainer";
import { Workspace } from "../../nn/workspace";
import { Expression } from "../inside/expression";

export interface PreviewOptions {
  /** As given to `fit`; default 0. */
  readonly seed?: number;
  /** Which training step, counted from 1; default 1. */
  readonly step?: number;
}

const who = "previewAugmentation";

/**
 * The batch as training would see it in a step: `images` are that step's samples in their order. `[count, height, width, channels]` in pixels.
 *
 * @throws for no images, and what the augmentation throws for images that it cannot take.
 */
export async function previewAugmentation(
  gpu: Gpu,
  { x, shape }: Pick<Dataset, "x" | "shape">,
  preparation: Preparation,
  { seed = 0, step = 1 }: PreviewOptions = {},
): Promise<Float32Array> {
  const count = x.length / elements(shape);
  if (!Number.isInteger(count) || count < 1)
    throw new ThawError(who, `${x.length} values for images of ${elements(shape)}`, "one image or more");
  if (!Number.isInteger(step) || step < 1) throw new ThawError(who, `step ${step}`, "a whole number above 0");
  const expression = new Expression({
    name: who,
    inputShape: shape,
    parameters: [],
    emit: (g, input) => {
      const labels = g.constant("no labels", [count, 1], new Float32Array(count));
      const batch = { x: input, labels, loss: meanSquaredError(), metrics: [], output: [count, 1] };
      // An empty list returns the input itself, which no program would have written.
      return g.apply("affine", { scale: 1, offset: 0 }, { x: preparation.apply(g, batch).x });
    },
  });
  const plan = makePlan({ model: expression, batchSize: count, mode: "predict", adapter: adapterTraits(gpu) });
  const state = new DeviceState(gpu, [], who);
  const workspace = new Workspace(gpu, [plan]);
  let executor: Executor | undefined;
  try {
    executor = await Executor.create(gpu, plan, state, workspace);
    executor.write("input0", Float32Array.from(x));
    executor.run({ iteration: step, seed, batchStart: 0, ringSlot: 0, learningRate: 0, effectiveRate: 0 });
    return await executor.read("output0");
  } finally {
    executor?.dispose();
    workspace.dispose();
    state.dispose();
  }
}
