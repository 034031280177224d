/** `thaw tune FILE`: times the kernels of a network's step on this machine's adapter and keeps the answers for later runs. */
import { adapterName, adam, requestGpu, type Mode } from "../index";
import { loadModel } from "../loaders/index";
import type { Io } from "./io";
import { freeze, lossFor } from "./plan-command";

export interface TuneArguments {
  readonly batch: number;
  readonly freeze: string;
  readonly mode: Mode;
  /** Seconds. */
  readonly budget?: number;
  readonly json?: boolean;
}

export async function tuneCommand(file: string, options: TuneArguments, io: Io): Promise<void> {
  const { batch: batchSize, mode, budget } = options;
  const model = await loadModel(file);
  freeze(model, options.freeze);
  const gpu = await requestGpu({ tuning: { budget: 0 } }); // timed here, not when something runs
  try {
    await model.compile({ gpu, optimizer: adam(), ...(mode !== "predict" && { loss: lossFor(model) }) });
    io.err(`${file}, batch ${batchSize}, ${mode}, on ${adapterName(gpu.adapter)}\n`);
    const report = await model.tune({ batchSize, mode, ...(budget !== undefined && { budget: 1000 * budget }) });
    if (options.json)
      io.out(
        `${JSON.stringify({ file, adapter: gpu.adapter, ...report.toJSON(), table: gpu.tuning.table }, null, 2)}\n`,
      );
    else io.out(`${String(report)}\n`);
    if (gpu.tuning.problem) io.err(`${gpu.tuning.problem}\n`);
  } finally {
    model.dispose();
    gpu.dispose();
  }
}
