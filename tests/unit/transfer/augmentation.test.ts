/** Lists of transforms: what they refuse, and what a plan does with them. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  Conv2D,
  Dense,
  GlobalAveragePooling2D,
  makePlan,
  resetNames,
  sgd,
  Sequential,
  type Objective,
} from "../../../src/index";
import { featureCut } from "../../../src/nn/compile/make-plan";
import { meanSquaredError, parseLoss, parseMetric } from "../../../src/nn/objectives";
import * as toolkit from "../../../src/transfer/augmentation";
import { softwareAdapter } from "../../support/nets";

const {
  augmentation,
  cutMix,
  defaultAugmentation,
  mixUp,
  randomApply,
  randomBrightness,
  randomContrast,
  randomCutout,
  randomErasing,
  randomFlip,
  randomGaussianBlur,
  randomGrayscale,
  randomHue,
  randomResizedCrop,
  randomRotation,
  randomSaturation,
  randomTranslation,
  randomZoom,
  simclrAugmentation,
  strongAugmentation,
  weakAugmentation,
} = toolkit;

beforeEach(resetNames);

function network(channels = 3, outputs = 3) {
  const model = new Sequential([
    new Conv2D({ filters: 2, kernelSize: 3, name: "base" }),
    new GlobalAveragePooling2D({ name: "pool" }),
    new Dense({ units: outputs, name: "head" }),
  ]);
  model.setInputShape([6, 5, channels]);
  return model;
}

interface Wanted {
  readonly loss?: string | Objective;
  readonly metrics?: readonly (string | Objective)[];
  readonly mode?: "train" | "evaluate";
  readonly channels?: number;
  readonly outputs?: number;
}

function planOf(list: toolkit.AugmentationList, wanted: Wanted = {}) {
  const { loss = "sparseCategoricalCrossentropy", metrics = [], mode = "train", channels, outputs } = wanted;
  const parsed = parseLoss(loss);
  return makePlan({
    model: network(channels, outputs),
    batchSize: 4,
    mode,
    loss: parsed,
    metrics: metrics.map((m) => parseMetric(m, parsed)),
    adapter: softwareAdapter,
    optimizer: sgd(0.1),
    preparation: augmentation(list),
  });
}

const kernels = (...given: Parameters<typeof planOf>) =>
  planOf(...given)
    .steps.map((s) => s.kernel)
    .filter((k) => k.startsWith("augment"));

describe("arguments out of bounds are refused", () => {
  it.each<[string, () => unknown]>([
    ['randomFlip: mode "diagonal"; expected one of horizontal', () => randomFlip("diagonal" as "vertical")],
    ["randomRotation: factor 1.5; expected a number from -1 to 1", () => randomRotation(1.5)],
    ["randomRotation: factor [0.2,0.1]; expected", () => randomRotation([0.2, 0.1])],
    ["randomRotation: factor null; expected", () => randomRotation(Number.NaN)],
    [
      'randomRotation: fillMode "mirror"; expected one of constant, nearest, reflect, wrap',
      () => randomRotation(0.1, { fillMode: "mirror" as "wrap" }),
    ],
    [
      'randomRotation: interpolation "cubic"; expected',
      () => randomRotation(0.1, { interpolation: "cubic" as "nearest" }),
    ],
    ["randomTranslation: fillValue Infinity", () => randomTranslation(0.1, 0.1, { fillValue: Infinity })],
    ["randomTranslation: widthFactor -2; expected", () => randomTranslation(0.1, -2)],
    ["randomZoom: heightFactor [-1,0]; expected numbers above -1", () => randomZoom([-1, 0])],
    ["randomResizedCrop: scale [0,1]; expected areas above 0", () => randomResizedCrop({ scale: [0, 1] })],
    ["randomResizedCrop: ratio [2,1]; expected", () => randomResizedCrop({ ratio: [2, 1] })],
    ["randomBrightness: valueRange [255,0]; expected", () => randomBrightness(0.1, { valueRange: [255, 0] })],
    ["randomContrast: factor -0.1; expected a number from 0 to 1", () => randomContrast(-0.1)],
    ["randomSaturation: factor 2; expected", () => randomSaturation(2)],
    ["randomHue: factor [0,3]; expected", () => randomHue([0, 3])],
    ["randomGrayscale: probability 1.1; expected", () => randomGrayscale(1.1)],
    ["randomErasing: scale [0.5,2]; expected", () => randomErasing(1, { scale: [0.5, 2] })],
    ["randomCutout: size 0; expected", () => randomCutout(0)],
    [
      "randomGaussianBlur: kernelSize 4; expected an odd number from 3 to 15",
      () => randomGaussianBlur({ kernelSize: 4 }),
    ],
    ["randomGaussianBlur: kernelSize 17; expected", () => randomGaussianBlur({ kernelSize: 17 })],
    ["mixUp: alpha 0; expected a number above 0", () => mixUp(0)],
    ["cutMix: alpha -1; expected", () => cutMix(-1)],
    ["randomApply: probability -1; expected", () => randomApply(-1, [randomFlip()])],
    ["randomApply: no transforms; expected", () => randomApply(0.5, [])],
    ["simclrAugmentation: strength 0; expected", () => simclrAugmentation({ strength: 0 })],
    ["augmentation: seed 0.5; expected a whole number", () => augmentation([], { seed: 0.5 })],
    ["augmentation: cutMix and mixUp in one list; expected one", () => augmentation([cutMix(), mixUp()])],
    ["augmentation: null in the list; expected", () => augmentation([null as never])],
    ['augmentation: {"name":"flip"} in the list; expected', () => augmentation([{ name: "flip" } as never])],
    [
      "augmentation: 61 transforms; expected up to 60",
      () => augmentation(Array.from({ length: 61 }, () => randomFlip())),
    ],
    [
      "expected the same fillMode, fillValue and interpolation",
      () => augmentation([randomRotation(0.1), randomZoom(0.1, 0.1, { fillMode: "wrap" })]),
    ],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });

  it("images of more than four channels, and samples that are none", () => {
    expect(() => planOf([randomFlip()], { channels: 5 })).toThrow(
      /augmentation: samples of shape \[4, 6, 5, 5\]; expected images/,
    );
    const model = new Sequential([new Dense({ units: 3 })]);
    model.setInputShape([8]);
    const request = { model, batchSize: 4, mode: "train", adapter: softwareAdapter, optimizer: sgd(0.1) } as const;
    const loss = parseLoss("sparseCategoricalCrossentropy");
    const make = () => makePlan({ ...request, loss, preparation: augmentation([randomFlip()]) });
    expect(make).toThrow(/samples of shape \[4, 8\]; expected images: \[batch, height, width, channels\]/);
  });
});

describe("a plan with augmentation", () => {
  it("draws once, and moves and recolours pixels in one pass", () => {
    expect(kernels(defaultAugmentation())).toEqual(["augment_draw", "augment_pixels", "augment_pixels"]); // a contrast's mean first
    expect(kernels([randomFlip(), randomRotation(0.1), randomHue(0.1), randomErasing()])).toEqual([
      "augment_draw",
      "augment_pixels",
    ]);
    expect(kernels(weakAugmentation())).toEqual(["augment_draw", "augment_pixels"]);
    expect(kernels(strongAugmentation()).length).toBe(3);
    expect(kernels([])).toEqual([]);
  });

  it("blurs between two passes, where something is left for each", () => {
    const blur = randomGaussianBlur();
    expect(kernels([blur])).toEqual(["augment_draw", "augment_blur"]);
    expect(kernels([blur, randomHue(1)])).toEqual(["augment_draw", "augment_blur", "augment_pixels"]);
    expect(kernels([randomHue(1), blur, randomFlip()])).toEqual(["augment_draw", "augment_pixels", "augment_blur"]);
    expect(kernels(simclrAugmentation({ size: 96 })).filter((k) => k === "augment_blur").length).toBe(1);
    expect(kernels(simclrAugmentation())).not.toContain("augment_blur");
  });

  it("mixes samples and labels, and switches loss and accuracy to shares of classes", () => {
    const plan = planOf([mixUp()], { metrics: ["accuracy"] });
    expect(plan.steps.map((s) => s.kernel)).toEqual(
      expect.arrayContaining(["augment_draw", "augment_mix", "augment_labels"]),
    );
    const problems = plan.steps.map((s) => s.dispatch.problem as { sparse?: boolean; kind?: string });
    expect(problems.some((p) => p.sparse === false)).toBe(true);
    expect(problems.filter((p) => p.kind !== undefined).map((p) => p.kind)).toEqual(["categorical"]);
    for (const loss of ["categoricalCrossentropy", "binaryCrossentropy", "mse"])
      expect(kernels([cutMix()], { loss })).toEqual(["augment_draw", "augment_mix", "augment_labels"]);
  });

  it("refuses losses and metrics that cannot read mixed labels", () => {
    const own: Objective = { ...meanSquaredError(), name: "own", op: "ntXent" };
    expect(() => planOf([mixUp()], { loss: own })).toThrow(
      /mixUp: the loss own cannot read mixed labels; expected cross-entropy/,
    );
    const metric: Objective = { ...parseLoss("sparseCategoricalCrossentropy"), name: "crossentropy" };
    expect(() => planOf([cutMix()], { metrics: [metric] })).toThrow(/cutMix: the metric crossentropy reads class ids/);
  });

  it("says why features are not cached", () => {
    const model = network();
    model.layers[0].trainable = false;
    const loss = parseLoss("sparseCategoricalCrossentropy");
    const request = { model, batchSize: 4, mode: "train", loss } as const;
    expect(featureCut({ ...request, preparation: augmentation([randomFlip()]) })).toMatchObject({
      reason: expect.stringContaining("augmentation is random"),
    });
    expect(featureCut(request)).not.toHaveProperty("reason");
  });

  it("has another key with each setting", () => {
    const keys = [
      augmentation([randomFlip()]),
      augmentation([randomFlip("vertical")]),
      augmentation([randomFlip()], { seed: 1 }),
      augmentation([randomRotation(0.1)]),
      augmentation([randomRotation(0.2)]),
      augmentation([randomRotation(0.1, { fillMode: "wrap" })]),
      augmentation([randomRotation(0.1, { interpolation: "nearest" })]),
      augmentation([randomApply(0.5, [randomRotation(0.1)])]),
      augmentation([mixUp(0.2)]),
      augmentation([mixUp(0.3)]),
      augmentation([randomGaussianBlur({ kernelSize: 5 })]),
      augmentation([randomGaussianBlur({ kernelSize: 7 })]),
    ].map((p) => p.key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(augmentation(defaultAugmentation()).key).toBe(augmentation(defaultAugmentation()).key);
  });
});
