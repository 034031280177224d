/** What callbacks may see and do of a training. Loaded with the first training that has callbacks. */
import { ThawError } from "../errors";
import type { Parameter } from "../nn/parameter";
import type { KeptWeights, TrainingContext } from "../nn/trainer";
import type { Settings } from "./fit";
import type { ModelTrainer } from "./model-trainer";
import { prefixed } from "./results";
import { batchesOf, type Session } from "./session";

/** A run of bytes of one of the model's two arenas, and where its copy lies. */
interface Range {
  readonly arena: "parameters" | "state";
  readonly from: number;
  readonly to: number;
  bytes: number;
}

/** Two parameters that lie less than this apart are one range: between them is only padding. */
const nextTo = 256; // bytes

/** The fewest ranges that hold the parameters. */
function rangesOf(parameters: readonly Parameter[], offsets: ReadonlyMap<Parameter, number>): Range[] {
  const ranges: Range[] = [];
  const inOrder = parameters.toSorted((a, b) => offsets.get(a)! - offsets.get(b)!);
  for (const arena of ["parameters", "state"] as const) {
    for (const parameter of inOrder) {
      if ((parameter.kind === "weight") !== (arena === "parameters")) continue;
      const from = offsets.get(parameter)!;
      const end = from + 4 * parameter.count;
      const last = ranges.at(-1);
      if (last?.arena === arena && from - (last.from + last.bytes) < nextTo) last.bytes = end - last.from;
      else ranges.push({ arena, from, to: last ? last.to + last.bytes : 0, bytes: end - from });
    }
  }
  return ranges;
}

export function createContext(trainer: ModelTrainer, session: Session, settings: Settings): TrainingContext {
  const { gpu, model, state } = trainer;
  const [training, validation] = session.passes;
  const { changes } = [...training.plans.values()][0].fields;
  const names = ["loss", ...trainer.names, ...(trainer.counters?.names ?? [])];
  const ranges = rangesOf(changes, state.layout.offsets);
  const bytes = ranges.reduce((sum, r) => sum + r.bytes, 0);
  const buffers = new Map<KeptWeights, GPUBuffer>();
  let stopReason: string | undefined;
  let made = 0;

  /** One submit for all ranges, so that no step comes between. */
  const copy = (kept: GPUBuffer, back: boolean) => {
    const encoder = gpu.device.createCommandEncoder();
    for (const { arena, from, to, bytes: size } of ranges) {
      if (back) encoder.copyBufferToBuffer(kept, to, state[arena], from, size);
      else encoder.copyBufferToBuffer(state[arena], from, kept, to, size);
    }
    gpu.submit([encoder.finish()]);
  };

  const bufferOf = (who: string, kept: KeptWeights): GPUBuffer => {
    const buffer = buffers.get(kept);
    if (buffer) return buffer;
    throw new ThawError(
      who,
      "these weights were freed, or kept in another call of fit",
      "weights that this training keeps",
      "Use them before fit returns, in onTrainEnd at the latest.",
    );
  };

  return {
    model,
    epochs: settings.epochs,
    stepsPerEpoch: batchesOf(training.data.data.count, settings.batchSize).length,
    logNames: [...names, ...(validation ? names.map((name) => prefixed("val", name)) : [])],
    get optimizer() {
      return trainer.optimizer;
    },
    get learningRate(): number {
      return trainer.stepValues(trainer.iteration + 1, 0, 0, 0).learningRate;
    },
    set learningRate(rate: number | undefined) {
      if (rate !== undefined && !(rate >= 0 && Number.isFinite(rate)))
        throw new ThawError(
          "learningRate",
          `${rate}`,
          "a finite number, 0 or more, or undefined for the optimizer's own",
        );
      trainer.learningRate = rate;
    },
    get stopReason() {
      return stopReason;
    },
    stop(reason = "a callback stopped it") {
      stopReason ??= reason;
    },
    keepWeights(over) {
      if (over) {
        copy(bufferOf("keepWeights", over), false);
        return over;
      }
      const name = `kept weights ${++made}`;
      // Among the session's buffers, so that they are freed with it however the training ends.
      const { resources } = training.data;
      const buffer = gpu.memory.create(name, bytes, 0x4 | 0x8); // COPY_SRC | COPY_DST
      resources.set(name, buffer);
      copy(buffer, false);
      const kept: KeptWeights = {
        bytes,
        dispose() {
          gpu.memory.destroy(buffer);
          resources.delete(name);
          buffers.delete(kept);
        },
      };
      buffers.set(kept, buffer);
      return kept;
    },
    restoreWeights(kept) {
      const buffer = bufferOf("restoreWeights", kept);
      copy(buffer, true);
      // Whatever was computed from the weights, such as folded normalizations and cached features, is out of date.
      state.markChanged(changes);
      state.version++;
    },
    readWeights: () => trainer.readWeights(),
  };
}
