/** Layers of residual branches: learnt and fixed factors, whole branches dropped. */
import { CustomScaleLayer, LayerScale } from "../../../src/nn/layers/layer-scale";
import { describe, expect, it } from "vitest";
import * as L from "../../../src/nn/layers";
import { createLayer } from "../../../src/nn/layers/registry";
import { traced } from "./trace";

const operations = (layer: Parameters<typeof traced>[0], shapes: number[][], training = false) =>
  traced(layer, shapes, training).g.nodes.map(({ op, attrs }) => ({ op, attrs }));

describe("LayerScale", () => {
  it("multiplies by a learnt factor a channel, which begins with initValues", () => {
    const layer = new LayerScale({ initValues: 1e-6, projectionDim: 3 });
    expect(operations(layer, [[2, 4, 4, 3]])).toEqual([{ op: "multiply", attrs: {} }]);
    expect([layer.gamma.shape, [...layer.gamma.value]]).toEqual([[3], [1e-6, 1e-6, 1e-6].map(Math.fround)]);
    expect(layer.gamma.trainable).toBe(true);
    expect(createLayer("LayerScale", layer.config()).config()).toEqual({ initValues: 1e-6, projectionDim: 3 });
  });

  it("refuses other channels", () => {
    const layer = new LayerScale({ name: "ls", initValues: 1, projectionDim: 3 });
    expect(() => traced(layer, [[2, 4, 4, 5]])).toThrow(
      /ls: received samples of shape \[4, 4, 5\]; expected 3 channels/,
    );
  });
});

describe("CustomScaleLayer", () => {
  it("adds a part of the second input", () => {
    expect(
      operations(new CustomScaleLayer({ scale: 0.17 }), [
        [2, 3],
        [2, 3],
      ]),
    ).toEqual([{ op: "add", attrs: { scaleB: 0.17 } }]);
    const odd = () =>
      traced(new CustomScaleLayer({ scale: 1, name: "c" }), [
        [2, 3],
        [2, 1],
      ]);
    expect(odd).toThrow(/c: received inputs of shapes \[2, 3\] and \[2, 1\]; expected equal shapes/);
  });
});

describe("Dropout with a noiseShape", () => {
  it("draws once where it has 1, and takes the input's size for null", () => {
    const layer = createLayer("Dropout", { rate: 0.2, noiseShape: [null, 1, 1, 1] });
    expect(operations(layer, [[2, 4, 4, 3]], true)[0].attrs).toMatchObject({ rate: 0.2, noiseShape: [2, 1, 1, 1] });
    expect(operations(layer, [[2, 4, 4, 3]])).toEqual([]);
    expect(layer.config()).toMatchObject({ noiseShape: [null, 1, 1, 1] });
  });

  it("refuses a shape that does not fit", () => {
    const layer = new L.Dropout({ name: "d", rate: 0.2, noiseShape: [null, 3] });
    expect(() => traced(layer, [[2, 4]], true)).toThrow(/d: noiseShape \[, 3\] for an input of shape \[2, 4\]/);
    expect(() => new L.Dropout({ name: "d", rate: 0.2, noiseShape: [0.5] })).toThrow(/d: noiseShape is \[0.5\]/);
  });
});
