/** The recipe on tiny networks: what it freezes, thaws, keeps and says. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  BatchNormalization,
  Conv2D,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  ReLU,
  resetNames,
  sgd,
  sparseCategoricalCrossentropy,
  type Gpu,
} from "../../src/index";
import {
  buildTransferModel,
  classify,
  datasetFromTensors,
  filterClasses,
  findLearningRate,
  fineTune,
  trainHead,
  transferLearn,
  take,
  type LabelledDataset,
  type LabelledStream,
  type TransferModel,
} from "../../src/transfer/index";
import { normal, uniform } from "./random";

const classNames = ["red", "green", "blue"];

/** Noise with more of one colour: what a head on random features can learn. */
function colours(count: number, seed: number): LabelledDataset {
  const random = uniform(seed);
  const y = Array.from({ length: count }, (_, i) => i % 3);
  const x = Float32Array.from({ length: count * 192 }, (_, i) => {
    const own = i % 3 === y[Math.floor(i / 192)];
    return normal(random) + (own ? 1 : 0);
  });
  return datasetFromTensors(x, y, { shape: [8, 8, 3], classNames });
}

function pretrained(): FunctionalModel {
  const pixels = input([8, 8, 3]);
  let t = pixels;
  for (const block of ["block_1", "block_2"]) {
    t = new Conv2D({ name: `${block}_conv`, filters: 8, kernelSize: 3, padding: "same", seed: 3 }).apply(t);
    t = new BatchNormalization({ name: `${block}_bn` }).apply(t);
    t = new ReLU({ name: `${block}_relu` }).apply(t);
  }
  t = new GlobalAveragePooling2D().apply(t);
  return new FunctionalModel({ inputs: pixels, outputs: new Dense({ units: 10 }).apply(t), name: "net" });
}

const quiet = { onWarning: () => {} };
const weightsOf = (model: FunctionalModel) => model.allParameters().map((p) => p.value.slice());

async function compiled(gpu: Gpu, trainBatchNormalization = false): Promise<TransferModel> {
  const transfer = buildTransferModel(pretrained(), { classes: classNames, dropout: 0, trainBatchNormalization });
  const loss = sparseCategoricalCrossentropy({ fromLogits: true });
  await transfer.model.compile({ gpu, loss, metrics: ["accuracy"] });
  return transfer;
}

export function recipeSuite(getGpu: () => Gpu): void {
  beforeEach(resetNames);

  describe("transferLearn", () => {
    it("learns in two phases, keeps the best weights, and gives the same bits for the same seed, streamed too", async () => {
      const data = colours(60, 1);
      const streamed: LabelledStream = {
        ...data,
        count: 60,
        format: "float32",
        read: (indices) => ({ x: take(data, indices).x }),
      };
      const run = async (given: LabelledDataset | LabelledStream) => {
        const phases: string[] = [];
        const result = await transferLearn(pretrained(), given, {
          gpu: getGpu(),
          seed: 5,
          batchSize: 12,
          headPhase: { epochs: 12, learningRate: 3e-2 },
          fineTuning: { epochs: 2, learningRate: 1e-3 },
          onPhase: (phase) => void phases.push(phase),
          ...quiet,
        });
        const weights = weightsOf(result.model);
        const [first] = await classify(result, data.x);
        result.model.dispose();
        return { ...result, phases, weights, first };
      };
      const result = await run(data);
      expect(result.phases).toEqual(["head", "fineTuning"]);
      expect(result.trainingData.y).toHaveLength(48);
      expect(result.validationData!.y).toHaveLength(12);
      expect(result.evaluation.accuracy).toBeGreaterThan(0.7);
      // What was kept is the best of both phases.
      expect(result.evaluation.loss).toBeCloseTo(result.fineTuning!.best, 5);
      expect(result.fineTuning!.best).toBeLessThanOrEqual(result.headPhase.best + 1e-6);
      expect(result.first.probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      expect(classNames[result.first.classId]).toBe(result.first.className);
      expect(result.warnings.join(" ")).toContain("net does not say what it expects of its pixels");
      const again = await run(streamed);
      expect(again.weights).toEqual(result.weights);
    });

    it("takes weights for classes that are rare, and says where they are missing", async () => {
      const data = colours(60, 2);
      const few = [...data.y.keys()].filter((i) => data.y[i] !== 2 || i < 9);
      const rare = {
        ...data,
        x: Float32Array.from(few.flatMap((i) => Array.from(data.x.slice(i * 192, (i + 1) * 192)))),
        y: Int32Array.from(few.map((i) => data.y[i])),
      };
      const settings = { gpu: getGpu(), headPhase: { epochs: 2 }, fineTuning: false, ...quiet } as const;
      const plain = await transferLearn(pretrained(), rare, settings);
      expect(plain.warnings.join(" ")).toContain("red has 20 samples and blue 3: a network that always says red");
      plain.model.dispose();
      const balanced = await transferLearn(pretrained(), rare, { ...settings, classWeight: "balanced" });
      expect(balanced.warnings.join(" ")).not.toContain("classWeight");
      expect(balanced.fineTuning).toBeUndefined();
      balanced.model.dispose();
    });

    it("refuses one class, an empty class, and frees everything when it fails", async () => {
      const gpu = getGpu();
      const before = gpu.memory.counters.liveBytes;
      const one = filterClasses(colours(9, 1), ["red"]);
      await expect(transferLearn(pretrained(), one, { gpu, ...quiet })).rejects.toThrow("one class only, red");
      const empty = { ...colours(9, 1), classNames: [...classNames, "black"] };
      await expect(transferLearn(pretrained(), empty, { gpu, ...quiet })).rejects.toThrow("black has no samples");
      const wrong = { gpu, headPhase: { monitor: "valF1" }, ...quiet };
      await expect(transferLearn(pretrained(), colours(30, 1), wrong)).rejects.toThrow("valF1");
      expect(gpu.memory.counters.liveBytes).toBe(before);
    });
  });

  describe("trainHead and fineTune", () => {
    it("train the head alone, then what is thawed; batch normalization keeps its statistics", async () => {
      const transfer = await compiled(getGpu());
      const { model, base, head } = transfer;
      const data = colours(36, 3);
      const baseBefore = weightsOf(base);
      await trainHead(transfer, data, { epochs: 3, batchSize: 12, learningRate: 1e-2 });
      await model.readWeights();
      expect(weightsOf(base)).toEqual(baseBefore);

      const headBefore = head[0].parameters[0].value.slice();
      const options = { epochs: 2, batchSize: 12, unfreeze: 1, learningRate: 1e-3, ...quiet };
      const result = await fineTune(transfer, data, options);
      await model.readWeights();
      const changed = base.allParameters().filter((p, i) => p.value.some((v, k) => v !== baseBefore[i][k]));
      expect(result.monitor).toBe("loss");
      expect([...new Set(changed.map((p) => p.path.split("/").at(-2)))]).toEqual(["block_2_conv", "block_2_bn"]);
      expect(changed.every((p) => p.kind === "weight")).toBe(true);
      expect(head[0].parameters[0].value).not.toEqual(headBefore);
      model.dispose();
    });

    it("thaw block by block, with smaller rates further down", async () => {
      const transfer = await compiled(getGpu());
      const { model, base } = transfer;
      const data = colours(24, 4);
      await trainHead(transfer, data, { epochs: 2, batchSize: 12, learningRate: 1e-2 });
      const seen: string[] = [];
      const watch = () =>
        void seen.push(
          base
            .flatLayers()
            .filter((l) => l.trainable && l.className === "Conv2D")
            .map((l) => l.name)
            .join(),
        );
      const result = await fineTune(transfer, data, {
        epochs: 3,
        batchSize: 12,
        gradualEpochs: 1,
        layerDecay: 0.5,
        learningRate: 1e-3,
        callbacks: [{ onEpochBegin: watch }],
        ...quiet,
      });
      expect(seen).toEqual(["block_2_conv", "block_1_conv,block_2_conv", "block_1_conv,block_2_conv"]);
      expect(result.history.loss).toHaveLength(3);
      expect(result.epochs).toBe(3);
      model.dispose();
    });

    it("put the weights back where fine-tuning made it worse, and warn with numbers", async () => {
      const transfer = await compiled(getGpu(), true);
      const { model } = transfer;
      const data = colours(24, 5);
      const said: string[] = [];
      const before = weightsOf(model);
      const result = await fineTune(transfer, data, {
        epochs: 1,
        batchSize: 8,
        validationData: colours(12, 6),
        learningRate: 5,
        onWarning: (text) => said.push(text),
      });
      expect(result.bestEpoch).toBe(-1);
      await model.readWeights();
      expect(weightsOf(model)).toEqual(before);
      expect(said[0]).toMatch(
        /^A learning rate of 5 is high for thawed weights: a step of Adam may move each by \d+ %/,
      );
      expect(said[1]).toContain("2 layers of batch normalization take their statistics from batches of 8");
      expect(said[1]).toContain("35 % of the deviation");
      expect(said[2]).toContain("The head is hardly trained: its loss is 1.");
      expect(said[2]).toContain("guessing among 3 classes gives 1.1");
      model.dispose();
    });

    it("say what they cannot do", async () => {
      const transfer = buildTransferModel(pretrained(), { classes: classNames });
      await expect(trainHead(transfer, colours(9, 1))).rejects.toThrow("is not compiled");
      const ready = await compiled(getGpu());
      const data = colours(9, 1);
      await expect(fineTune(ready, data, { unfreeze: 0 })).rejects.toThrow("unfreeze 0");
      await expect(fineTune(ready, data, { unfreeze: "none" })).rejects.toThrow("has no layer none");
      await expect(fineTune(ready, data, { layerDecay: 0 })).rejects.toThrow("layerDecay 0");
      await expect(fineTune(ready, data, { learningRate: Number.NaN })).rejects.toThrow("learningRate NaN");
      ready.model.dispose();
    });
  });

  describe("findLearningRate", () => {
    it("finds rates that learn, and leaves everything as it was", async () => {
      const gpu = getGpu();
      const transfer = await compiled(gpu);
      const { model } = transfer;
      const data = colours(36, 7);
      await trainHead(transfer, data, { epochs: 1, batchSize: 12, learningRate: 1e-4 });
      await model.readWeights();
      const before = weightsOf(model);
      const state = await model.readTrainingState();
      const live = gpu.memory.counters.liveBytes;
      const curve = await findLearningRate(model, data, { batchSize: 12, steps: 40, from: 1e-3, to: 1e3 });
      expect(curve.rates[0]).toBeCloseTo(1e-3, 10);
      expect(curve.rates.length).toBe(curve.losses.length);
      expect(curve.rates.length).toBeGreaterThan(20);
      // Adam on three small features: rates below a hundredth hardly learn in so few steps.
      expect(curve.steepest).toBeGreaterThan(1e-2);
      expect(curve.steepest! <= 10 * curve.cautious).toBe(true);
      await model.readWeights();
      expect(weightsOf(model)).toEqual(before);
      const after = await model.readTrainingState();
      expect(after.iteration).toBe(state.iteration);
      expect(gpu.memory.counters.liveBytes).toBeLessThanOrEqual(live);
      model.dispose();
    });

    it("ends where the loss is not finite or far above its best", async () => {
      const { model } = await compiled(getGpu());
      model.trainable = true;
      const options = { batchSize: 12, steps: 60, from: 1e-2, to: 1e12 };
      await model.fit(colours(12, 8), { batchSize: 12, optimizer: sgd(0) });
      const curve = await findLearningRate(model, colours(36, 8), options);
      expect(curve.diverged).toBe(true);
      expect(curve.rates.length).toBeLessThan(60);
      await expect(findLearningRate(model, colours(9, 1), { from: 1, to: 0.1 })).rejects.toThrow("rates from 1 to 0.1");
      model.dispose();
    });
  });
}
