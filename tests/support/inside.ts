/** Looking inside against Keras, PyTorch and NumPy; the same suite in the browser and in Node. */
import { describe, expect, it } from "vitest";
import {
  Add,
  Conv2D,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  sgd,
  sparseCategoricalCrossentropy,
  type Gpu,
} from "../../src/index";
import {
  activationImages,
  activations,
  activationSprite,
  embed,
  filterImages,
  gradCam,
  nearestNeighbours,
  overlay,
  pca,
  project,
  projectFeatures,
  snapshotWeights,
  weightChange,
} from "../../src/transfer/inside";
import { readGolden, type Golden, type Place } from "./fixtures";
import { normal, uniform } from "./random";

interface Json {
  readonly images: Place;
  readonly weights: Readonly<Record<string, Place>>;
  readonly gradCam: readonly {
    layer: string;
    classId: number | "predicted";
    ids: number[];
    size: [number, number];
    logits: Place;
    features: Place;
    maps: Place;
    large: Place;
  }[];
  readonly pca: readonly Record<"x" | "mean" | "components" | "variance" | "share" | "scores", Place>[];
}

/** As in tools/make_inside_goldens.py: a nested base with a skip connection, and a softmax at the end. */
function network(golden: Golden<Json>): FunctionalModel {
  const { json } = golden;
  const x = input([8, 6, 3]);
  const same = { kernelSize: 3, padding: "same", activation: "relu" } as const;
  const a = new Conv2D({ ...same, filters: 4, name: "a" }).apply(x);
  const b = new Conv2D({ ...same, filters: 4, name: "b" }).apply(a);
  const sum = new Add({ name: "sum" }).apply([a, b]);
  const c = new Conv2D({ ...same, filters: 5, strides: 2, name: "c" }).apply(sum);
  const base = new FunctionalModel({ inputs: x, outputs: c, name: "base" });
  const start = input([8, 6, 3]);
  const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(base.apply(start));
  const head = new Dense({ units: 3, activation: "softmax", name: "head" }).apply(pooled);
  const model = new FunctionalModel({ inputs: start, outputs: head, name: "net" });
  for (const p of model.allParameters()) {
    const place = json.weights[p.path.replace(/^base\//, "")] ?? json.weights[p.path];
    p.assign(golden.tensor(place), place.shape);
  }
  return model;
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 2e-5): void {
  expect(actual.length).toBe(expected.length);
  const largest = Array.from(expected).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
  expect(worst).toBeLessThanOrEqual(tolerance * Math.max(largest, 1e-3));
}

const golden = () => readGolden<Json>("inside");

export function insideSuite(getGpu: () => Gpu): void {
  describe("Grad-CAM", () => {
    it("equals Keras's for layers of a nested base, behind and before a skip connection, in batches", async () => {
      const file = await golden();
      const model = network(file);
      model.getLayer("a").trainable = false;
      const images = file.tensor(file.json.images);
      for (const { layer, classId, ids, size, logits, maps, large } of file.json.gradCam) {
        const own = await gradCam(model, images, { gpu: getGpu(), classId, layer, resize: false, batchSize: 2 });
        expect(own.layer).toBe(`base/${layer}`);
        expect(own.classIds).toEqual(ids);
        expect(own.size).toEqual(size);
        expectClose(own.scores, file.tensor(logits));
        expectClose(
          own.maps.flatMap((m) => [...m]),
          file.tensor(maps),
        );
        const resized = await gradCam(model, images, { gpu: getGpu(), classId, layer });
        expectClose(
          resized.maps.flatMap((m) => [...m]),
          file.tensor(large),
        );
      }
      expect(model.getLayer("a").trainable).toBe(false);
      expect(model.getLayer("b").trainable).toBe(true);
    });

    it("takes the last layer with height and width, and lays the map over the image", async () => {
      const file = await golden();
      const gpu = getGpu();
      const before = gpu.memory.counters.liveBytes;
      const result = await gradCam(network(file), file.tensor(file.json.images), { gpu });
      expect(gpu.memory.counters.liveBytes).toBe(before);
      expect([result.layer, result.size]).toEqual(["base", [8, 6]]);
      const image = overlay(result, 0, new Uint8Array(8 * 6 * 3).fill(100));
      expect([image.width, image.height, image.data.length]).toEqual([6, 8, 8 * 6 * 4]);
      const strongest = result.maps[0].indexOf(Math.max(...result.maps[0]));
      expect([...image.data.subarray(strongest * 4, strongest * 4 + 4)]).toEqual([193, 193, 193, 255]);
    });

    it("says what it cannot do", async () => {
      const file = await golden();
      const [model, x, gpu] = [network(file), file.tensor(file.json.images), getGpu()];
      await expect(gradCam(model, x, { gpu, layer: "pool" })).rejects.toThrow(/pool gives \[5\].*expected/is);
      await expect(gradCam(model, x, { gpu, layer: "nothing" })).rejects.toThrow(/no layer nothing/);
      await expect(gradCam(model, x, { gpu, classId: 3 })).rejects.toThrow(/class 3.*0 to 2/is);
    });
  });

  describe("activations", () => {
    it("of several layers come from one pass, as arrays and as images", async () => {
      const file = await golden();
      const [model, x, gpu] = [network(file), file.tensor(file.json.images), getGpu()];
      const [a, c, head] = await activations(model, ["a", "base/c", "head"], x, { gpu, batchSize: 2 });
      const cam = (layer: string) => file.json.gradCam.find((g) => g.layer === layer)!;
      expectClose(a.data, file.tensor(cam("a").features));
      expectClose(c.data, file.tensor(cam("c").features));
      expect([a.shape, c.shape, head.shape]).toEqual([
        [3, 8, 6, 4],
        [3, 4, 3, 5],
        [3, 3],
      ]);
      const images = activationImages(a, 1, { colorMap: "gray" });
      expect(images.length).toBe(4);
      const largest = images.map(({ data }) => data.reduce((m, v, i) => (i % 4 === 0 ? Math.max(m, v) : m), 0));
      expect(largest.every((v) => v === 255 || v === 0)).toBe(true);
      const all = activationSprite(a, 1, { columns: 3 });
      expect([all.width, all.height]).toEqual([3 * 7 - 1, 2 * 9 - 1]);
      expect(() => activationImages(head)).toThrow(/\[3, 3\]/);
      const filters = await filterImages(model);
      expect([filters.length, filters[0].width, filters[0].height]).toEqual([4, 3, 3]);
      expect(Math.max(...filters[0].data.map((v, i) => (i % 4 === 3 ? 0 : Math.abs(v - 127.5) * 2)))).toBe(255);
    });
  });

  describe("features", () => {
    it("principal components equal NumPy's, with more samples than features and with fewer", async () => {
      const file = await golden();
      for (const { x, mean, components, variance, share, scores } of file.json.pca) {
        const [count, width] = x.shape;
        const features = { data: file.tensor(x), count, width };
        const result = await pca(features, { gpu: getGpu(), components: 3 });
        expectClose(result.mean, file.tensor(mean));
        expectClose(
          result.components.flatMap((v) => [...v]),
          file.tensor(components),
          1e-4,
        );
        expectClose(result.variance, file.tensor(variance));
        expectClose(result.explained, file.tensor(share));
        expectClose(projectFeatures(result, features), file.tensor(scores), 1e-4);
        const same = await project(features, features, { gpu: getGpu(), components: 3 });
        expect(same.after).toEqual(same.before);
      }
      const flat = { data: new Float32Array(8).fill(2), count: 4, width: 2 };
      await expect(pca(flat, { gpu: getGpu() })).rejects.toThrow(/all samples are the same/);
    });

    it("nearest neighbours are those of float64 distances", async () => {
      const random = uniform(5);
      const draw = (count: number) => ({
        data: Float32Array.from({ length: count * 7 }, () => normal(random)),
        count,
        width: 7,
      });
      const [features, query] = [draw(33), draw(5)];
      for (const metric of ["cosine", "euclidean"] as const) {
        const result = await nearestNeighbours(features, query, { gpu: getGpu(), k: 4, metric });
        for (let q = 0; q < 5; q++) {
          const a = query.data.subarray(q * 7, q * 7 + 7);
          const distance = Array.from({ length: 33 }, (_, i) => {
            const b = features.data.subarray(i * 7, i * 7 + 7);
            if (metric === "euclidean") return Math.hypot(...a.map((v, d) => v - b[d]));
            return 1 - a.reduce((s, v, d) => s + v * b[d], 0) / (Math.hypot(...a) * Math.hypot(...b));
          });
          const order = distance.map((_, i) => i).toSorted((i, j) => distance[i] - distance[j]);
          expect(result[q].indices).toEqual(order.slice(0, 4));
          expectClose(
            result[q].distances,
            order.slice(0, 4).map((i) => distance[i]),
            1e-4,
          );
        }
      }
      await expect(nearestNeighbours(features, query, { gpu: getGpu(), k: 34 })).rejects.toThrow(/k 34.*1 to 33/is);
    });

    it("weights move where training is allowed, and exactly nowhere else", async () => {
      const file = await golden();
      const [model, x, gpu] = [network(file), file.tensor(file.json.images), getGpu()];
      const embedded = await embed(model, x, { gpu });
      expect([embedded.count, embedded.width]).toEqual([3, 5]);
      model.freezeUpTo("b");
      await model.compile({ gpu, optimizer: sgd(0.5), loss: sparseCategoricalCrossentropy() });
      const before = await snapshotWeights(model);
      await model.trainOnBatch(x, [0, 1, 2]);
      const change = await weightChange(model, before);
      expect(change.map((c) => c.layer)).toEqual(["base/a", "base/b", "base/c", "head"]);
      for (const c of change.slice(0, 2)) expect([c.relative, c.cosine, c.largest]).toEqual([0, 1, 0]);
      for (const c of change.slice(2)) expect(c.relative).toBeGreaterThan(0);
      // The newest weights are on the GPU, and looking inside finds them there.
      const now = await embed(model, x, { gpu });
      expect(now.data).not.toEqual(embedded.data);
      model.dispose();
    });
  });
}
