/** Learning with few labels, on tiny networks; the same suite in the browser and in Node. */
import { describe, expect, it } from "vitest";
import {
  adam,
  BatchNormalization,
  Conv2D,
  Dense,
  GlobalAveragePooling2D,
  ReLU,
  Sequential,
  sgd,
  sparseCategoricalCrossentropy,
  type Container,
  type Dataset,
  type Gpu,
} from "../../src/index";
import {
  fixMatchGradientReference,
  fixMatchReference,
  fixMatchReportReference,
} from "../../src/kernels/fixMatch/fixMatch.reference";
import { exampleStep } from "../../src/kernels/operation";
import type { Value } from "../../src/nn/graph";
import type { Preparation } from "../../src/nn/compile/trace";
import {
  fixMatch,
  pretrainRotation,
  pretrainSimCLR,
  pseudoLabel,
  trainWithPseudoLabels,
} from "../../src/transfer/few-labels";
import { mixedBatches } from "../../src/transfer/few-labels/orders";
import { normal, uniform } from "./random";

const size = 8;
const classes = 3;

/** Shapes at random places, dark on light or light on dark, with noise: a bar, a tee and a square; upright. */
function shapes(count: number, seed: number): Dataset & { y: number[] } {
  const random = uniform(seed);
  const inside = [
    (i: number, j: number) => j === 2 || i === 0,
    (i: number, j: number) => i === 4 || j === 0 || j === 4,
    (i: number, j: number) => i + j < 4,
  ];
  const y = Array.from({ length: count }, (_, n) => n % classes);
  const x = new Float32Array(count * size * size);
  y.forEach((id, n) => {
    const [top, left] = [0, 0].map(() => Math.floor(random() * (size - 4)));
    const contrast = 0.6 + 0.8 * random();
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        const [a, b] = [i - top, j - left];
        const drawn = a >= 0 && a < 5 && b >= 0 && b < 5 && inside[id](a, b);
        x[(n * size + i) * size + j] = contrast * Number(drawn) + 0.15 * normal(random);
      }
  });
  return { x, y, shape: [size, size, 1] };
}

/** Stripes, columns and checks of random phase and very different contrast and brightness, with noise. */
function textures(count: number, seed: number): Dataset & { y: number[] } {
  const random = uniform(seed);
  const y = Array.from({ length: count }, (_, n) => n % classes);
  const pattern = [
    (i: number, _j: number) => i >> 1,
    (_i: number, j: number) => j >> 1,
    (i: number, j: number) => (i >> 1) + (j >> 1),
  ];
  const x = new Float32Array(count * size * size);
  y.forEach((id, n) => {
    const [phase, contrast, brightness] = [Math.floor(4 * random()), 0.2 + 1.5 * random() ** 2, random() - 0.5];
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        x[(n * size + i) * size + j] =
          brightness + contrast * ((pattern[id](i + phase, j + phase) % 2) - 0.5) + 0.1 * normal(random);
  });
  return { x, y, shape: [size, size, 1] };
}

/** Contrast and brightness of whole images in eight steps each, and pixels that vanish, from operations that are there anyway. */
const lighting = (rate = 0.1): Preparation => ({
  key: `lighting ${rate}`,
  apply: (g, batch) => {
    const [rows] = batch.x.shape;
    const mask = [rows, 1, 1, 1];
    const scaled = (x: Value, scale: number, offset = 0) => g.apply("affine", { scale, offset }, { x });
    const add = (first: Value, second: Value) => g.apply("add", {}, { a: first, b: second });
    /** x times 0, 1/4, ... 7/4, drawn for each image. */
    const drawn = (x: Value, salt: number) =>
      [1, 2, 4]
        .map((part, i) => scaled(g.apply("dropout", { rate: 0.5, salt: salt + i, noiseShape: mask }, { x }), part / 8))
        .reduce(add);
    const ones = g.constant("ones", mask, new Float32Array(rows).fill(1));
    const x = g.apply("dropout", { rate, salt: 900 }, { x: batch.x });
    const contrast = add(scaled(batch.x, 0.1), drawn(x, 910));
    return { ...batch, x: add(contrast, scaled(drawn(ones, 920), 1, -0.875)) };
  },
});

function backbone(seed = 1): Sequential {
  const conv = (filters: number, strides: number, n: number) => [
    new Conv2D({ filters, kernelSize: 3, strides, padding: "same", useBias: false, name: `conv${n}`, seed: seed + n }),
    new BatchNormalization({ name: `norm${n}` }),
    new ReLU({ name: `relu${n}` }),
  ];
  const layers = [...conv(8, 1, 1), ...conv(16, 2, 2), new GlobalAveragePooling2D({ name: "pool" })];
  return new Sequential(layers, { inputShape: [size, size, 1], name: "backbone" });
}

const classifier = (): Sequential =>
  new Sequential([backbone(), new Dense({ units: classes, name: "head", seed: 9 })], { name: "classifier" });

/** Share of a test set that is nearest to its own class's mean, of features scaled by their deviation. */
async function probe(gpu: Gpu, model: Container, draw = shapes): Promise<number> {
  await model.compile({ gpu });
  const [few, test] = [draw(30, 11), draw(150, 12)];
  const [a, b] = [await model.predict(few.x), await model.predict(test.x)];
  const width = a.length / 30;
  const row = (v: Float32Array, n: number) => Array.from(v.subarray(n * width, (n + 1) * width));
  const deviation = Array.from({ length: width }, (_, c) => {
    const own = few.y.map((__, n) => row(a, n)[c]);
    const mean = own.reduce((s, v) => s + v, 0) / own.length;
    return Math.sqrt(own.reduce((s, v) => s + (v - mean) ** 2, 0) / own.length) || 1;
  });
  const means = Array.from({ length: classes }, (_, id) => {
    const own = few.y.flatMap((y, n) => (y === id ? [row(a, n)] : []));
    return deviation.map((_d, c) => own.reduce((s, v) => s + v[c], 0) / own.length);
  });
  const right = test.y.filter((id, n) => {
    const distances = means.map((m) => row(b, n).reduce((s, v, c) => s + ((v - m[c]) / deviation[c]) ** 2, 0));
    return distances.indexOf(Math.min(...distances)) === id;
  });
  return right.length / test.y.length;
}

async function weights(model: Container): Promise<Uint8Array> {
  await model.readWeights();
  return new Uint8Array(Float32Array.from(model.allParameters().flatMap((p) => [...p.value])).buffer);
}

/** Points around the corners of a triangle. */
function clouds(count: number, seed: number): Dataset & { y: number[] } {
  const random = uniform(seed);
  const y = Array.from({ length: count }, (_, n) => n % classes);
  const x = y.flatMap((id) => Array.from({ length: classes }, (_, c) => 1.5 * Number(c === id) + normal(random)));
  return { x: Float32Array.from(x), y, shape: [classes] };
}

/** A classifier that says what its pixels say: the scores are the sample. */
function echo(activation: "softmax" | "linear" = "linear"): Sequential {
  const head = new Dense({ units: classes, activation, useBias: false, name: "echo" });
  const model = new Sequential([head], { inputShape: [classes] });
  head.kernel.assign(Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]), [classes, classes]);
  return model;
}

const rowsOf = (v: ArrayLike<number>, numbers: readonly number[], width: number): number[] =>
  numbers.flatMap((n) => Array.from({ length: width }, (_, c) => v[n * width + c]));

export function fewLabelsSuite(getGpu: () => Gpu): void {
  describe("pseudo-labels", () => {
    const x = Float32Array.from([5, 0, 0, 0, 3, 0, 0, 0, 0.5, 4, 0, 0, 0, 6, 0, 0, 0, 4, 9, 0, 0]);

    it("of known logits and of their softmax are exactly those above the threshold, balanced", async () => {
      const gpu = getGpu();
      for (const activation of ["linear", "softmax"] as const) {
        const model = echo(activation);
        await model.compile({ gpu });
        const data = { x, shape: [classes] };
        const all = await pseudoLabel(model, data, { threshold: 0.9, balanced: false, batchSize: 3 });
        expect([all.kept, all.of, all.indices]).toEqual([6, 7, [0, 1, 3, 4, 5, 6]]);
        expect([...all.dataset.y]).toEqual([0, 1, 0, 1, 2, 0]);
        expect([all.counts, all.missing]).toEqual([[3, 2, 1], []]);
        all.indices.forEach((n, i) => {
          const scores = rowsOf(x, [n], classes);
          const sum = scores.reduce((total, v) => total + Math.exp(v), 0);
          expect(all.confidences[i]).toBeCloseTo(Math.exp(Math.max(...scores)) / sum, 5);
        });
        const named = { ...data, names: ["n0", "n1", "n2", "n3", "n4", "n5", "n6"] };
        const one = await pseudoLabel(model, named, { threshold: 0.9, classNames: ["a", "b", "c"] });
        expect(one.dataset.names).toEqual(["n4", "n5", "n6"]);
        expect([one.indices, [...one.dataset.y]]).toEqual([
          [4, 5, 6],
          [1, 2, 0],
        ]);
        expect([...one.dataset.x]).toEqual(rowsOf(x, [4, 5, 6], classes));
        expect(one.dataset.classNames).toEqual(["a", "b", "c"]);
        const cold = await pseudoLabel(model, data, { threshold: 0.9, temperature: 2 });
        expect([cold.indices, cold.counts, cold.missing]).toEqual([[4, 6], [1, 1, 0], [2]]);
        await expect(pseudoLabel(model, data, { temperature: 8 })).rejects.toThrow(
          /none of 7 samples reaches the threshold 0.95.*0.606.*0.6 keeps 1, 0.5 keeps 2/s,
        );
        model.dispose();
      }
    });

    it("train in rounds; with validation data the best weights stay", async () => {
      const gpu = getGpu();
      const [labelled, unlabelled, validationData] = [clouds(12, 3), clouds(60, 4), clouds(90, 6)];
      const model = new Sequential([new Dense({ units: classes, seed: 3 })], { inputShape: [classes] });
      const fromLogits = sparseCategoricalCrossentropy({ fromLogits: true });
      await model.compile({ gpu, optimizer: adam(5e-2), loss: fromLogits, metrics: ["accuracy"] });
      await model.fit(labelled, { epochs: 8, batchSize: 12 });
      const options = { threshold: 0.6, rounds: 2, epochs: 2, batchSize: 24, validationData };
      const good = await trainWithPseudoLabels(model, labelled, unlabelled, {
        ...options,
        labelledRepeats: 2,
        pseudoWeight: 0.5,
        validationBatchSize: 24,
      });
      expect(good.rounds.length).toBe(2);
      for (const { counts, kept, history } of good.rounds) {
        expect(new Set(counts.filter((n) => n > 0)).size).toBe(1);
        expect([counts.reduce((a, b) => a + b, 0), history.epochs]).toEqual([kept, 2]);
      }
      const logs = [good.before!, ...good.rounds.map((r) => r.validation!)];
      expect(logs[good.best].accuracy).toBe(Math.max(...logs.map((l) => l.accuracy)));
      expect(await model.evaluate(validationData, { batchSize: 24 })).toEqual(logs[good.best]);
      const before = await weights(model);
      const bad = await trainWithPseudoLabels(model, labelled, unlabelled, {
        ...options,
        rounds: 1,
        validationData: { ...validationData, y: validationData.y.map((id) => (id + 1) % classes) },
        optimizer: sgd(0),
      });
      expect([bad.best, await weights(model)]).toEqual([0, before]);
      model.dispose();
    });

    it("say what is wrong", async () => {
      const model = classifier();
      await model.compile({ gpu: getGpu(), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
      const data = textures(9, 3);
      const none = { x: new Float32Array(0), shape: data.shape };
      await expect(pseudoLabel(model, none)).rejects.toThrow(/no unlabelled samples/);
      await expect(pseudoLabel(model, { x: data.x, shape: [4, 16, 1] })).rejects.toThrow(/\[4, 16, 1\].*\[8, 8, 1\]/s);
      await expect(pseudoLabel(model, data, { threshold: 2 })).rejects.toThrow(/threshold 2/);
      await expect(pseudoLabel(model, data, { fromLogits: false })).rejects.toThrow(/none below 0.*fromLogits: true/s);
      await expect(trainWithPseudoLabels(model, data, none)).rejects.toThrow(/no unlabelled samples/);
      const other = { x: data.x, y: data.y, shape: [4, 16, 1] };
      await expect(trainWithPseudoLabels(model, other, data)).rejects.toThrow(/labelled samples of shape/);
      await expect(trainWithPseudoLabels(model, data, data, { rounds: 0 })).rejects.toThrow(/rounds 0/);
      model.dispose();
    });
  });

  describe("FixMatch", () => {
    const halved: Preparation = {
      key: "half",
      apply: (g, batch) => ({ ...batch, x: g.apply("affine", { scale: 0.5, offset: 0 }, { x: batch.x }) }),
    };
    const draw = (count: number, seed: number) => {
      const random = uniform(seed);
      return Float32Array.from({ length: count * classes }, () => 2 * normal(random));
    };

    it("has the loss and the reports of the reference, for the batches of its order", async () => {
      const gpu = getGpu();
      const [few, many, batchSize, mu, threshold, lambda, seed] = [5, 13, 2, 3, 0.6, 0.7, 4];
      const [a, b] = [draw(few, 1), draw(many, 2)];
      const ids = [0, 1, 2, 1, 0];
      const [labelled, unlabelled] = [
        { x: a, y: ids, shape: [classes] },
        { x: b, shape: [classes] },
      ];
      for (const activation of ["linear", "softmax"] as const) {
        const model = echo(activation);
        const logs: Record<string, number>[] = [];
        const { history, steps } = await fixMatch(model, labelled, unlabelled, {
          gpu,
          batchSize,
          mu,
          threshold,
          lambda,
          seed,
          weak: null,
          strong: halved,
          epochs: 2,
          optimizer: sgd(0),
          callbacks: [{ onBatchEnd: (_, l) => void logs.push({ ...l }) }],
          validationData: labelled,
        });
        expect([steps, logs.length]).toEqual([6, 6]);
        expect(Object.keys(history)).toEqual([
          "loss",
          "accuracy",
          "confident",
          "valLoss",
          "valAccuracy",
          "valConfident",
        ]);
        const order = mixedBatches({ labelled: few, unlabelled: many, batchSize, mu, steps: 3, seed });
        const all = [...a, ...b];
        for (const [step, log] of logs.entries()) {
          const own = order(Math.floor(step / 3)).slice((step % 3) * 8, (step % 3) * 8 + 8);
          const [first, second] = [Array.from(own.slice(0, 2)), Array.from(own.slice(2))];
          expect([first.every((n) => n < few), second.every((n) => n >= few && n < few + many)]).toEqual([true, true]);
          const weak = rowsOf(all, second, classes);
          const x = Float64Array.from([...rowsOf(all, first, classes), ...weak, ...weak.map((v) => v / 2)]);
          const labels = Float64Array.from({ length: 14 }, (_, r) => ids[first[r] ?? 0]);
          const attrs = { labelled: 2, fromLogits: true, threshold, lambda };
          const shape = { x: [14, classes], labels: [14] };
          const mean = (v: Float64Array) => v.reduce((sum, e) => sum + e, 0) / v.length;
          const { loss } = fixMatchReference.run(attrs, { x, labels }, shape, exampleStep);
          expect(log.loss).toBeCloseTo(mean(loss), 4);
          for (const kind of ["accuracy", "confident"] as const) {
            const { y } = fixMatchReportReference.run({ ...attrs, kind }, { x, labels }, shape, exampleStep);
            expect(log[kind]).toBeCloseTo(mean(y), 5);
          }
        }
        model.dispose();
      }
    });

    it("descends the reference's gradient: none through the weak views", async () => {
      const gpu = getGpu();
      const [batchSize, mu, threshold, lambda, rate] = [2, 3, 0.6, 0.7, 0.5];
      const [a, b, ids] = [draw(2, 1), draw(6, 2), [0, 2]];
      const model = echo();
      const options = { gpu, batchSize, mu, threshold, lambda, weak: null, strong: halved, optimizer: sgd(rate) };
      const data = { x: a, y: ids, shape: [classes] };
      const { steps } = await fixMatch(model, data, { x: b, shape: [classes] }, options);
      expect(steps).toBe(1);
      const own = Array.from(mixedBatches({ labelled: 2, unlabelled: 6, batchSize, mu, steps: 1, seed: 0 })(0));
      const views = rowsOf([...a, ...b], own, classes);
      const x = Float64Array.from([...views, ...views.slice(2 * classes).map((v) => v / 2)]);
      const labels = Float64Array.from({ length: 14 }, (_, r) => ids[own[r]] ?? 0);
      const attrs = { labelled: 2, fromLogits: true, threshold, lambda };
      const shape = { x: [14, classes], labels: [14] };
      const { dx } = fixMatchGradientReference.run(attrs, { x, labels }, shape, exampleStep);
      expect(dx.slice(8 * classes).some((v) => v !== 0)).toBe(true);
      await model.readWeights();
      const { value } = model.allParameters()[0];
      for (const [i, w] of value.entries()) {
        const [from, to] = [Math.floor(i / classes), i % classes];
        const rows = Array.from({ length: 14 }, (_, r) => x[r * classes + from] * dx[r * classes + to]);
        const gradient = rows.reduce((sum, v) => sum + v, 0);
        expect(w).toBeCloseTo(Number(from === to) - rate * gradient, 5);
      }
      model.dispose();
    });

    it("learns from what has no labels, with the same bits for the same seed", async () => {
      const gpu = getGpu();
      const [labelled, unlabelled, validationData] = [textures(6, 3), textures(48, 4), textures(60, 6)];
      const run = async (seed: number, epochs: number) => {
        const model = classifier();
        const { history } = await fixMatch(model, labelled, unlabelled, {
          gpu,
          seed,
          epochs,
          validationData,
          batchSize: 6,
          mu: 2,
          threshold: 0.6,
          optimizer: adam(1e-2),
          weak: lighting(0),
          strong: lighting(0.2),
        });
        const result = { history, bytes: await weights(model) };
        model.dispose();
        return result;
      };
      const { history } = await run(1, 10);
      expect(history.valLoss.at(-1)).toBeLessThan(history.valLoss[0]);
      expect(history.valConfident.at(-1)).toBeGreaterThan(history.valConfident[0]);
      const [first, same, other] = [await run(1, 1), await run(1, 1), await run(2, 1)];
      expect(same.bytes).toEqual(first.bytes);
      expect(other.bytes).not.toEqual(first.bytes);
    });

    it("says what is wrong", async () => {
      const gpu = getGpu();
      const model = classifier();
      const [data, strong] = [textures(9, 3), lighting()];
      const rejects = async (pattern: RegExp, labelled: Dataset, unlabelled: Dataset, more: object = {}) =>
        await expect(fixMatch(model, labelled, unlabelled, { gpu, weak: null, strong, ...more })).rejects.toThrow(
          pattern,
        );
      await rejects(/no unlabelled samples/, data, { x: new Float32Array(0), shape: data.shape });
      await rejects(/all labelled samples are of class 1/, { ...data, y: data.y.map(() => 1) }, data);
      await rejects(/label 3 of sample 0/, { ...data, y: data.y.map((id) => 3 - id) }, data, { batchSize: 2, mu: 1 });
      await rejects(/mu 0.5/, data, data, { mu: 0.5 });
      await rejects(/threshold 1.5/, data, data, { threshold: 1.5, batchSize: 2, mu: 1 });
      const mixing: Preparation = {
        key: "mix",
        apply: (g, batch) => ({ ...batch, labels: g.constant("l", [1], [0]) }),
      };
      await rejects(/mix changes labels.*mixup/s, data, data, { strong: mixing, batchSize: 2, mu: 1 });
      model.dispose();
    });
  });

  describe("pretraining without labels", () => {
    it("SimCLR's loss falls and its features tell classes apart better than random ones", async () => {
      const gpu = getGpu();
      const base = backbone();
      const random = await probe(gpu, base, textures);
      const statistics = base.allParameters().filter((p) => p.kind !== "weight");
      expect(statistics.flatMap((p) => [...p.value]).every((v) => v === 0 || v === 1)).toBe(true);
      const before = gpu.memory.counters.liveBytes;
      const { history, negatives, warnings } = await pretrainSimCLR(base, textures(90, 5), {
        gpu,
        augmentation: lighting(0.05),
        batchSize: 32,
        projection: [16, 8],
        optimizer: adam(1e-2),
        epochs: 14,
      });
      expect(gpu.memory.counters.liveBytes).toBe(before);
      const { loss, contrastiveAccuracy } = history.history;
      expect(loss.at(-1)).toBeLessThan(loss[0] - 0.3);
      expect(contrastiveAccuracy.at(-1)).toBeGreaterThan(2 / 63);
      expect([negatives, history.steps]).toEqual([62, 42]);
      expect(warnings[0]).toMatch(/32 images gives each view 62 negatives/);
      expect(await probe(gpu, base, textures)).toBeGreaterThan(random + 0.1);
      expect(statistics.flatMap((p) => [...p.value]).some((v) => v === 0 || v === 1)).toBe(false);
      expect(base.allParameters()[0].path).toBe("conv1/kernel");
      base.dispose();
    });

    it("rotation prediction learns up from down; the same seed gives the same bits, and frozen layers stay", async () => {
      const gpu = getGpu();
      const base = backbone();
      const { history } = await pretrainRotation(base, shapes(120, 5), {
        gpu,
        batchSize: 16,
        epochs: 8,
        optimizer: adam(5e-3),
      });
      const { loss, accuracy } = history.history;
      expect(loss.at(-1)).toBeLessThan(loss[0] - 0.2);
      expect(accuracy.at(-1)).toBeGreaterThan(0.5);
      const run = async (seed: number) => {
        const own = backbone();
        own.getLayer("conv1").trainable = false;
        const [conv1] = own.allParameters();
        const first = conv1.value.slice();
        await pretrainSimCLR(own, textures(10, 5), { gpu, augmentation: lighting(), batchSize: 4, epochs: 1, seed });
        await pretrainRotation(own, textures(10, 5), { gpu, batchSize: 4, epochs: 1, augmentation: lighting(), seed });
        expect(conv1.value).toEqual(first);
        return await weights(own);
      };
      const [first, same, other] = [await run(1), await run(1), await run(2)];
      expect(same).toEqual(first);
      expect(other).not.toEqual(first);
    });

    it("says what is wrong, and leaves the backbone as it was", async () => {
      const gpu = getGpu();
      const [data, augmentation] = [textures(6, 3), lighting()];
      const base = backbone();
      const before = await weights(base);
      const flat = new Sequential([new Conv2D({ filters: 2, kernelSize: 3 })], { inputShape: [size, size, 1] });
      await expect(pretrainSimCLR(flat, data, { gpu, augmentation })).rejects.toThrow(/\[6, 6, 2\].*GlobalAverage/s);
      await expect(pretrainSimCLR(base, data, { gpu, augmentation, batchSize: 7 })).rejects.toThrow(
        /batchSize 7 with 6/,
      );
      await expect(pretrainSimCLR(base, data, { gpu, augmentation, batchSize: 1 })).rejects.toThrow(/batchSize 1 /);
      await expect(pretrainSimCLR(base, data, { gpu, augmentation, batchSize: 4, temperature: 0 })).rejects.toThrow(
        /temperature 0/,
      );
      const tall = new Sequential([new GlobalAveragePooling2D()], { inputShape: [4, 16, 1] });
      await expect(pretrainRotation(tall, { x: data.x, shape: [4, 16, 1] }, { gpu })).rejects.toThrow(/frozen/);
      await expect(pretrainRotation(base, { x: data.x, shape: [4, 16, 1] }, { gpu })).rejects.toThrow(
        /\[4, 16, 1\].*Crop or resize/s,
      );
      base.trainable = false;
      await expect(pretrainRotation(base, data, { gpu })).rejects.toThrow(/every layer of backbone is frozen/);
      expect(await weights(base)).toEqual(before);
    });
  });
}
