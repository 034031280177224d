/** summary() prints what Keras printed for the same models (tools/make_summary_goldens.py). */
import { beforeEach, expect, it } from "vitest";
import { resetNames } from "../../src/nn/layer";
import {
  Add,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  GlobalAveragePooling2D,
  ReLU,
} from "../../src/nn/layers";
import { FunctionalModel, input } from "../../src/nn/model";
import { Sequential } from "../../src/nn/sequential";
import { summary } from "../../src/nn/summary";
import goldens from "../fixtures/summaries.json";

const texts: Record<string, string> = goldens.summaries;

function branched(): FunctionalModel {
  const x = input([32, 32, 3], { name: "image" });
  const y = new Conv2D({
    filters: 8,
    kernelSize: 3,
    padding: "same",
    useBias: false,
    name: "a_convolution_with_a_rather_long_name",
  }).apply(x);
  const shared = new Conv2D({ filters: 8, kernelSize: 3, padding: "same", name: "shared", trainable: false });
  const z = new Add({ name: "add" }).apply([y, shared.apply(shared.apply(y))]);
  const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(z);
  return new FunctionalModel({
    inputs: x,
    outputs: new Dense({ units: 1000, name: "classes" }).apply(pooled),
    name: "branched",
  });
}

function nested(): Sequential {
  const x = input([16, 16, 3], { name: "image" });
  const conv = new Conv2D({ filters: 4, kernelSize: 3, name: "conv" }).apply(x);
  const base = new FunctionalModel({
    inputs: x,
    outputs: new BatchNormalization({ name: "norm" }).apply(conv),
    name: "base",
  });
  base.trainable = false;
  return new Sequential([base, new Flatten({ name: "flatten" }), new Dense({ units: 2, name: "head" })], {
    name: "nested",
  });
}

beforeEach(resetNames);

it("prints a Sequential with default names", () => {
  const layers = [
    new Conv2D({ filters: 8, kernelSize: 3, activation: "relu" }),
    new BatchNormalization(),
    new ReLU({ maxValue: 6 }),
    new GlobalAveragePooling2D(),
    new Dropout({ rate: 0.2 }),
    new Dense({ units: 10 }),
  ];
  expect(summary(new Sequential(layers, { inputShape: [32, 32, 3] }))).toBe(texts.sequential);
});

it("prints what is connected to what where a model branches, and shared layers once", () => {
  expect(summary(branched())).toBe(texts.branched);
});

it("prints nested models as one line, and counts frozen weights", () => {
  expect(summary(nested())).toBe(texts.nested);
});

it("prints a model whose input is not known yet", () => {
  const layers = [new Flatten({ name: "flatten" }), new Dense({ units: 2, name: "head" })];
  expect(summary(new Sequential(layers, { name: "unbuilt" }))).toBe(texts.unbuilt);
});

it("wraps and shortens in narrow lines", () => {
  expect(summary(branched(), { lineLength: 80 })).toBe(texts["branched, 80 characters"]);
});

it("lists nested layers, and which train", () => {
  expect(summary(nested(), { expandNested: true, showTrainable: true })).toBe(texts["nested, expanded, trainable"]);
});
