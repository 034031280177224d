/** Callbacks decide as Keras's do, epoch by epoch, and say what they lack. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ThawError } from "../../../src/errors";
import { sparseTopKCategoricalAccuracy } from "../../../src/nn/objectives";
import { sgd } from "../../../src/nn/optimizers";
import type { Callback, KeptWeights, TrainingContext } from "../../../src/nn/trainer";
import {
  csvLogger,
  earlyStopping,
  modelCheckpoint,
  progressLogger,
  reduceLROnPlateau,
} from "../../../src/transfer/index";
import goldens from "../../fixtures/callbacks.json";

/** A training without a GPU: weights are a number, which is set by the test. */
function training(logNames = ["loss", "accuracy", "valLoss", "valAccuracy"], learningRate: Schedule = 0.1) {
  const metrics = [
    { ...sparseTopKCategoricalAccuracy(1), name: "accuracy" },
    { ...sparseTopKCategoricalAccuracy(1), name: "strange", op: "matmul" },
  ];
  const optimizer = sgd(learningRate);
  const copies = new Map<KeptWeights, number>();
  let rate: number | undefined;
  const state = { weights: -1, reads: 0, reason: undefined as string | undefined, copies };
  const context: TrainingContext = {
    model: { name: "fake", compiledWith: { optimizer, loss: undefined, metrics } } as never,
    epochs: 20,
    stepsPerEpoch: 8,
    optimizer,
    logNames,
    get learningRate(): number {
      return rate ?? (learningRate as number);
    },
    set learningRate(value: number | undefined) {
      rate = value;
    },
    get stopReason() {
      return state.reason;
    },
    stop: (reason = "stopped") => void (state.reason ??= reason),
    keepWeights(over) {
      const kept = over ?? { bytes: 4, dispose: () => void copies.delete(kept) };
      copies.set(kept, state.weights);
      return kept;
    },
    restoreWeights: (kept) => void (state.weights = copies.get(kept)!),
    readWeights: async () => void state.reads++,
  };
  return { context, state };
}

type Schedule = number | ((step: number) => number);
const ended = { history: {}, epochs: 1, steps: 1, seconds: 1, ended: "finished" } as const;

const camel = (name: string) => name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());
const optionsOf = (config: object) => Object.fromEntries(Object.entries(config).map(([k, v]) => [camel(k), v]));

interface Case {
  readonly kind: string;
  readonly config: { readonly monitor: string };
  readonly sequence: string;
  readonly epochs?: readonly { stop: boolean; wait: number; best: number | null; bestEpoch: number }[];
  readonly stoppedEpoch?: number;
  readonly weightsOf?: number;
  readonly rates?: readonly number[];
  readonly saved?: readonly number[];
  readonly best?: number | null;
}

const logsOf = (monitor: string, value: number): Record<string, number> => ({
  loss: 0.5,
  accuracy: 0.5,
  valLoss: 0.5,
  valAccuracy: 0.5,
  [camel(monitor)]: value,
});
const values = (c: Case) =>
  (goldens.sequences as Record<string, (number | null)[]>)[c.sequence].map((v) => v ?? Number.NaN);
const orNull = (v: number | undefined) => (v === undefined || Number.isNaN(v) ? null : v);

const run: Record<string, (c: Case) => Promise<void>> = {
  async earlyStopping(c) {
    const { context, state } = training();
    const callback = earlyStopping(optionsOf(c.config));
    await callback.onTrainBegin!(context);
    const epochs = [];
    for (const [epoch, value] of values(c).entries()) {
      state.weights = epoch;
      await callback.onEpochEnd!(epoch, logsOf(c.config.monitor, value), context);
      const { wait, best, bestEpoch } = callback;
      epochs.push({ stop: state.reason !== undefined, wait, best: orNull(best), bestEpoch });
      if (state.reason) break;
    }
    await callback.onTrainEnd!(ended, context);
    expect(epochs).toEqual(c.epochs);
    expect(callback.stoppedEpoch).toBe(c.stoppedEpoch);
    expect(state.weights).toBe(c.weightsOf);
    expect(state.copies.size, "copies left").toBe(0);
  },
  async reduceLROnPlateau(c) {
    const { context } = training();
    const callback = reduceLROnPlateau(optionsOf(c.config));
    await callback.onTrainBegin!(context);
    const rates: number[] = [];
    for (const [epoch, value] of values(c).entries()) {
      const logs = logsOf(c.config.monitor, value);
      const before = Math.fround(context.learningRate);
      await callback.onEpochEnd!(epoch, logs, context);
      expect(logs.learningRate).toBe(before);
      rates.push(Math.fround(context.learningRate));
    }
    expect(rates).toEqual(c.rates);
  },
  async modelCheckpoint(c) {
    const { context, state } = training();
    const saved: number[] = [];
    const callback = modelCheckpoint({ ...optionsOf(c.config), save: (_, epoch) => saved.push(epoch) });
    await callback.onTrainBegin!(context);
    for (const [epoch, value] of values(c).entries())
      await callback.onEpochEnd!(epoch, logsOf(c.config.monitor, value), context);
    expect(saved).toEqual(c.saved);
    expect(orNull(callback.best)).toBe(c.best);
    expect(state.reads).toBe(saved.length);
  },
};

describe("callbacks against Keras", () => {
  for (const c of goldens.cases as readonly Case[])
    it(`${c.kind} ${JSON.stringify(c.config)} on ${c.sequence}`, () => run[c.kind](c));
});

describe("monitors", () => {
  const begin = (callback: Callback, names?: string[], rate?: Schedule) =>
    callback.onTrainBegin!(training(names, rate).context);

  it("names the logs there are when its own is not there", () => {
    expect(() => begin(earlyStopping({ monitor: "valAcuracy" }))).toThrow(
      "earlyStopping: there is no valAcuracy to monitor; expected one of loss, accuracy, valLoss, valAccuracy.",
    );
    expect(() => begin(earlyStopping(), ["loss"])).toThrow(/expected one of loss\. Pass validationData to fit/);
    expect(() => begin(modelCheckpoint({ save: () => {}, saveBestOnly: true }), ["loss"])).toThrow(/modelCheckpoint/);
  });

  it("takes a name that another callback adds when told the mode, and misses it at the first epoch", () => {
    const { context } = training();
    const callback = earlyStopping({ monitor: "score", mode: "max" });
    void callback.onTrainBegin!(context);
    void callback.onEpochEnd!(0, { loss: 1, score: 3 }, context);
    expect(callback.best).toBe(3);
    expect(() => callback.onEpochEnd!(1, { loss: 1 }, context)).toThrow(/no score to monitor; expected one of loss/);
  });

  it("does not guess what is better", () => {
    expect(() => begin(earlyStopping({ monitor: "strange" }), ["loss", "strange"])).toThrow(/expected mode "min" or/);
    expect(() => begin(earlyStopping({ monitor: "strange", mode: "min" }), ["loss", "strange"])).not.toThrow();
  });

  it("refuses a schedule that it cannot reduce", () => {
    expect(() => begin(reduceLROnPlateau(), undefined, () => 0.1)).toThrow(/learning rate is a schedule/);
  });

  const wrong: readonly [string, () => unknown][] = [
    ["patience below 0", () => earlyStopping({ patience: -1 })],
    ["patience that is no whole number", () => reduceLROnPlateau({ patience: 1.5 })],
    ["a mode that does not exist", () => earlyStopping({ mode: "least" as never })],
    ["a delta that is no number", () => earlyStopping({ minDelta: NaN })],
    ["a factor of 1", () => reduceLROnPlateau({ factor: 1 })],
    ["a least rate below 0", () => reduceLROnPlateau({ minLr: -1 })],
    ["no function to save with", () => modelCheckpoint({ save: "model.keras" as never })],
    ["saving by steps", () => modelCheckpoint({ save: () => {}, saveFreq: 100 as never })],
    ["a long separator", () => csvLogger(() => {}, { separator: ", " })],
    ["half a step", () => progressLogger({ every: 0.5 })],
  ];
  for (const [what, make] of wrong) it(`refuses ${what}`, () => expect(make).toThrow(ThawError));
});

describe("csvLogger", () => {
  const log = async (callback: Callback, rows: readonly Record<string, number>[]) => {
    await callback.onTrainBegin!(training().context);
    for (const [epoch, row] of rows.entries()) await callback.onEpochEnd!(epoch, row, training().context);
  };
  const rows: readonly Record<string, number>[] = [
    { loss: 0.5, accuracy: 1, 'a "b"': 2 },
    { loss: 1e-9, accuracy: NaN, more: 4 },
  ];

  it("writes RFC 4180", async () => {
    const lines: string[] = [];
    const callback = csvLogger((line) => lines.push(line));
    await log(callback, rows);
    const expected = ['epoch,"a ""b""",accuracy,loss\r\n', "0,2,1,0.5\r\n", "1,NA,NaN,1e-9\r\n"];
    expect(lines).toEqual(expected);
    expect(callback.text).toBe(expected.join(""));
  });

  it("writes, replaces and goes on with a file", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-csv-"));
    const file = path.join(folder, "log.csv");
    try {
      const first = [{ loss: 1, "x;y": 2 }];
      await log(csvLogger(file, { separator: ";" }), first);
      await log(csvLogger(file, { separator: ";" }), first);
      await log(csvLogger(file, { separator: ";", append: true }), first);
      expect(fs.readFileSync(file, "utf8")).toBe('epoch;loss;"x;y"\r\n0;1;2\r\n0;1;2\r\n');
      await expect(log(csvLogger(path.join(folder, "none", "log.csv")), first)).rejects.toThrow(/csvLogger: .*ENOENT/);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});

describe("progressLogger", () => {
  afterEach(() => void vi.useRealTimers());

  it("prints epochs, steps and the time left", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lines: string[] = [];
    const { context } = training();
    const callback = progressLogger({ print: (line) => lines.push(line), every: 4 });
    void callback.onTrainBegin!(context);
    for (const done of [10, 15, 100]) callback.onFeatures!(done, 100);
    for (let epoch = 0; epoch < 2; epoch++) {
      void callback.onEpochBegin!(epoch, context);
      for (let step = 1; step <= 8; step++) {
        vi.advanceTimersByTime(500);
        callback.onBatchEnd!(8 * epoch + step, { loss: 0.25 }, context);
      }
      void callback.onEpochEnd!(epoch, { loss: 0.25, valLoss: 1e-5 }, context);
    }
    void callback.onTrainEnd!({ ...ended, ended: "callback", reason: "enough", epochs: 2 }, context);
    expect(lines).toEqual([
      "Features 10/100 samples",
      "Features 100/100 samples",
      "Epoch 1/20  4/8 [==========..........]  loss 0.2500  1 min 18 s left",
      "Epoch 1/20  8/8 [====================]  loss 0.2500  1 min 16 s left",
      "Epoch 1/20  8/8 steps  4.0 s  loss 0.2500  valLoss 1.000e-5  1 min 16 s left",
      "Epoch 2/20  4/8 [==========..........]  loss 0.2500  1 min 14 s left",
      "Epoch 2/20  8/8 [====================]  loss 0.2500  1 min 12 s left",
      "Epoch 2/20  8/8 steps  4.0 s  loss 0.2500  valLoss 1.000e-5  1 min 12 s left",
      "Ended after 2 epochs: enough",
    ]);
  });
});
