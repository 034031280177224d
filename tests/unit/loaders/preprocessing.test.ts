/** What networks expect of their pixels, and the layers that bring it about. */
import { describe, expect, it } from "vitest";
import {
  Conv2D,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  Rescaling,
  resetNames,
  Sequential,
  type Container,
} from "../../../src/index";
import { knownPreprocessing, parsePreprocessing, withPreprocessing } from "../../../src/loaders/preprocessing";

function network(name: string, rescaling = false): FunctionalModel {
  resetNames();
  const x = input([8, 8, 3]);
  const pixels = rescaling ? new Rescaling({ scale: 1 / 255 }).apply(x) : x;
  const features = new Conv2D({ filters: 2, kernelSize: 3, name: "conv" }).apply(pixels);
  return new FunctionalModel({ inputs: x, outputs: new GlobalAveragePooling2D().apply(features), name });
}

describe("knownPreprocessing", () => {
  it.each([
    ["mobilenet_0.25_224", "tf"],
    ["mobilenetv2_1.00_224", "tf"],
    ["xception", "tf"],
    ["inception_resnet_v2", "tf"],
    ["NASNet", "tf"],
    ["resnet50v2", "tf"],
    ["resnet50", "caffe"],
    ["vgg16", "caffe"],
    ["densenet121", "torch"],
    ["model_1", undefined],
    ["my_resnet50_of_old", undefined],
    ["mobilenet_v3_small", undefined],
  ])("%s: %s", (name, mode) => {
    expect(knownPreprocessing(network(name))?.mode).toBe(mode);
  });

  it("does not believe names that others than Keras gave", () => {
    expect(knownPreprocessing(network("resnet50"), false)).toBeUndefined();
    expect(knownPreprocessing(network("resnet50", true), false)?.mode).toBe("none");
  });

  it("takes a network's own rescaling for all it needs, whatever its name", () => {
    expect(knownPreprocessing(network("efficientnetb0", true))?.mode).toBe("none");
    expect(knownPreprocessing(network("resnet50", true))?.mode).toBe("none");
  });

  it("looks into the models that see the pixels first, however deep", () => {
    const inner = new Sequential([network("mobilenetv2_0.35_96"), new Dense({ units: 2 })], { name: "inner" });
    expect(knownPreprocessing(new Sequential([inner], { name: "outer" }))?.mode).toBe("tf");
    const rescaled = new Sequential([new Rescaling({ scale: 1 }), network("mobilenetv2_0.35_96")], {
      inputShape: [8, 8, 3],
    });
    expect(knownPreprocessing(rescaled)?.mode).toBe("none");
  });
});

describe("withPreprocessing", () => {
  const names = (model: Container) => model.layers.map((l) => l.className);

  it("puts layers without weights in front, and shares the network", () => {
    const model = network("resnet50");
    const whole = withPreprocessing(model, "caffe");
    expect(names(whole)).toEqual(["InputLayer", "ReverseChannels", "Rescaling", "Functional"]);
    expect(whole.allParameters()).toEqual(model.allParameters());
    expect(whole.inputShape).toEqual([8, 8, 3]);
    expect(whole.preprocessing?.mode).toBe("none");
    expect(withPreprocessing(whole)).toBe(whole);
  });

  it("asks for what it cannot know", () => {
    expect(() => withPreprocessing(network("model_1"))).toThrow(
      "model_1: does not say what it expects of its pixels; expected a preprocessing.",
    );
    expect(() => parsePreprocessing("m", "pytorch" as "torch")).toThrow(
      'm: preprocessing "pytorch"; expected none, tf',
    );
    expect(names(withPreprocessing(network("model_1"), { scale: 1 / 255 }))).toEqual([
      "InputLayer",
      "Rescaling",
      "Functional",
    ]);
  });
});
