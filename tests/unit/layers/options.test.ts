/** Options: Keras's defaults and forms, and errors that name layer, option and value. */
import { describe, expect, it } from "vitest";
import * as L from "../../../src/nn/layers";
import { knownActivations, parseActivation } from "../../../src/nn/layers/activations";
import { camelCaseKeys, snakeCaseKeys } from "../../../src/nn/layers/keras-options";
import { createLayer, knownLayers } from "../../../src/nn/layers/registry";
import goldens from "../../fixtures/layers.json";
import { traced } from "./trace";

const message = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
};

describe("configuration", () => {
  it("is what Keras writes, for every golden layer", () => {
    for (const { name, layer } of goldens.cases) {
      const given = camelCaseKeys(layer.config);
      if (layer.class_name === "Activation" && !knownActivations().includes(String(given.activation))) continue;
      const made = createLayer(layer.class_name, given);
      const own = made.config();
      const expected = Object.fromEntries(Object.keys(own).map((key) => [key, given[key]]));
      expect({ golden: name, name: made.name, trainable: made.trainable, ...own }).toEqual({
        golden: name,
        name: given.name,
        trainable: given.trainable ?? true,
        ...expected,
      });
    }
  });

  it("makes an equal layer again", () => {
    const conv = new L.Conv2D({ filters: 8, kernelSize: 3, strides: [1, 2], padding: "same", activation: "swish" });
    expect(conv.config()).toMatchObject({
      kernelSize: [3, 3],
      strides: [1, 2],
      activation: "silu",
      dataFormat: "channels_last",
    });
    expect(createLayer("Conv2D", conv.config()).config()).toEqual(conv.config());
  });

  it("changes spelling through nested objects, not values", () => {
    const keras = {
      kernel_size: [3, 3],
      activation: { class_name: "LeakyReLU", config: { negative_slope: 0.1 } },
      padding: "a_b",
    };
    const ours = {
      kernelSize: [3, 3],
      activation: { className: "LeakyReLU", config: { negativeSlope: 0.1 } },
      padding: "a_b",
    };
    expect(camelCaseKeys(keras)).toEqual(ours);
    expect(snakeCaseKeys(ours)).toEqual(keras);
  });
});

describe("errors", () => {
  const channelsFirst = { filters: 1, kernelSize: 1, dataFormat: "channels_first" } as unknown as L.Conv2DOptions;

  const cases: [string, () => unknown, string][] = [
    [
      "missing",
      () => createLayer("Conv2D", { kernelSize: 3 }),
      "Conv2D: filters is missing; expected a whole number of at least 1.",
    ],
    [
      "not whole",
      () => new L.Conv2D({ filters: 2.5, kernelSize: 3, name: "stem" }),
      "stem: filters is 2.5; expected a whole number of at least 1.",
    ],
    [
      "pair",
      () => new L.MaxPooling2D({ poolSize: 0 }),
      "MaxPooling2D: poolSize is 0; expected one or two whole numbers of at least 1, height first.",
    ],
    [
      "word",
      () => new L.Conv2D({ filters: 1, kernelSize: 1, padding: "causal" as "same" }),
      'Conv2D: padding is "causal"; expected one of "valid", "same".',
    ],
    ["rate", () => new L.Dropout({ rate: 1 }), "Dropout: rate is 1; expected a number from 0 to below 1."],
    [
      "groups",
      () => new L.Conv2D({ filters: 4, kernelSize: 1, groups: 3 }),
      "Conv2D: filters is 4; expected a multiple of groups, 3.",
    ],
    [
      "sides",
      () => new L.ZeroPadding2D({ padding: [-1, 0] }),
      "ZeroPadding2D: padding is [-1,0]; expected a whole number, a pair of them, or [[top, bottom], [left, right]].",
    ],
    [
      "dims",
      () => new L.Permute({ dims: [0, 1] }),
      "Permute: dims is [0,1]; expected each dimension from 1 on once, the batch not counted.",
    ],
    [
      "one statistic",
      () => new L.Normalization({ mean: 1 }),
      "Normalization: variance is missing; expected mean and variance, or neither.",
    ],
  ];
  it.each(cases)("%s", (_, make, expected) => {
    expect(message(make)).toBe(expected);
  });

  it("the layout other than NHWC is refused", () => {
    expect(message(() => new L.Conv2D(channelsFirst))).toMatch(
      /^Conv2D: dataFormat is "channels_first"; expected "channels_last": Thaw computes in \[batch,/,
    );
    expect(message(() => createLayer("Flatten", { dataFormat: "channels_first" }))).toContain("dataFormat");
  });

  it("an unknown layer is named, with the list of what is known", () => {
    const text = message(() => createLayer("LSTM", { name: "reader" }));
    expect(text).toContain(
      "reader (LSTM): the layer class LSTM is not known; expected one of Activation, Add, Average, AveragePooling2D,",
    );
    expect(knownLayers()).toEqual(expect.arrayContaining(["Conv2D", "InputLayer", "UpSampling2D"]));
    expect(knownLayers()).not.toContain("UnaryLayer");
  });

  it("an option that would change the result is refused, what Keras writes by default is not", () => {
    expect(message(() => createLayer("BatchNormalization", { name: "bn", renorm: true }))).toBe(
      "bn: BatchNormalization was given renorm = true, which Thaw does not have; expected false.",
    );
    expect(message(() => createLayer("Dense", { units: 1, sparse_kernel: 3 }))).toContain("sparse_kernel = 3");
    createLayer("BatchNormalization", {
      renorm: false,
      synchronized: false,
      gammaInitializer: { className: "Ones" },
      dtype: "float32",
    });
  });

  it("an activation that Thaw has not is named", () => {
    expect(message(() => new L.Dense({ units: 1, activation: "glu", name: "head" }))).toMatch(
      /^head: the activation "glu" is not known; expected one of elu, gelu,/,
    );
    expect(message(() => parseActivation({ className: "PReLU", config: {} }))).toContain('the activation "PReLU"');
    expect(message(() => parseActivation("constructor"))).toContain('the activation "constructor"');
  });

  it("wrong inputs leave no half-built layer behind", () => {
    const conv = new L.Conv2D({ filters: 1, kernelSize: 1, name: "conv" });
    expect(message(() => traced(conv, [[1, 8]]))).toBe(
      "conv: received an input of shape [batch, 8]; expected [batch, height, width, channels].",
    );
    expect(conv.built).toBe(false);
    expect(conv.parameters).toEqual([]);
    traced(conv, [[1, 2, 2, 3]]);
    expect(message(() => traced(conv, [[1, 2, 2, 4]]))).toBe(
      "conv: received an input of shape [1, 2, 2, 4]; expected 3 in the last dimension: its weights were made for samples of shape [2, 2, 3]. " +
        "A layer can be shared between inputs with the same number of channels only.",
    );
    expect(
      message(() =>
        traced(conv, [
          [1, 2, 2, 3],
          [1, 2, 2, 3],
        ]),
      ),
    ).toContain("conv: received 2 inputs");
  });

  it("shapes that cannot be merged are given back", () => {
    expect(
      message(() =>
        traced(new L.Add({ name: "sum" }), [
          [1, 2, 3],
          [1, 2, 4],
        ]),
      ),
    ).toBe("sum: received inputs of shapes [1, 2, 3] and [1, 2, 4]; expected equal shapes, or 1 where they differ.");
    expect(message(() => traced(new L.Add({ name: "sum" }), [[1, 2]]))).toContain("expected at least two inputs");
    expect(
      message(() =>
        traced(new L.Concatenate({ name: "join" }), [
          [1, 2, 3],
          [1, 4, 3],
        ]),
      ),
    ).toContain("expected equal shapes, but for dimension 2");
    expect(message(() => traced(new L.Reshape({ name: "fold", targetShape: [5, -1] }), [[1, 12]]))).toBe(
      "fold: cannot turn samples of shape [12] (12 values) into [5, -1]; expected a shape of 12 values.",
    );
    expect(message(() => traced(new L.Cropping2D({ name: "crop", cropping: 2 }), [[1, 4, 9, 1]]))).toContain(
      "leaves nothing of [1, 4, 9, 1]",
    );
  });
});

describe("activations", () => {
  it("takes names, aliases, functions in files, and layers used as functions", () => {
    expect(parseActivation(null).config).toBe("linear");
    expect(parseActivation("hard_swish").config).toBe("hard_silu");
    expect(parseActivation({ className: "function", config: "relu" }).config).toBe("relu");
    expect(parseActivation({ className: "Activation", config: { activation: "gelu" } as object }).config).toBe("gelu");
    const leaky = { className: "LeakyReLU", config: { negativeSlope: 0.1 } };
    expect(parseActivation(leaky).config).toEqual(leaky);
    const { attrs } = traced(new L.Activation({ activation: leaky }), [[1, 2]]);
    expect(attrs).toEqual([{ kind: "relu", slope: 0.1 }]);
  });

  it("leaky_relu has 0.2 as a function and 0.3 as a layer, as in Keras", () => {
    expect(traced(new L.Activation({ activation: "leaky_relu" }), [[1, 2]]).attrs).toEqual([
      { kind: "relu", slope: 0.2 },
    ]);
    expect(traced(new L.LeakyReLU(), [[1, 2]]).attrs).toEqual([{ kind: "relu", slope: 0.3 }]);
    expect(traced(createLayer("LeakyReLU", { alpha: 0.1 }), [[1, 2]]).attrs).toEqual([{ kind: "relu", slope: 0.1 }]);
  });
});
