/** Metrics that are computed from counts over a pass: the counts are read once after it, and emptied for the next. */
import { ThawError } from "../errors";
import type { Gpu } from "../gpu/device";
import { countsName, type Accumulator } from "../nn/accumulator";
import type { Objective } from "../nn/compile/trace";
import { readBuffer } from "../nn/device-state";
import type { Workspace } from "../nn/workspace";
import type { Shape } from "../kernels/operation";
import { prefixed } from "./results";

export interface Accumulated extends Objective {
  readonly accumulator: Accumulator;
}

/** What metrics of a model are counted on. */
export interface Counted {
  readonly gpu: Gpu;
  readonly metrics: readonly Objective[];
  readonly model: { readonly name: string; readonly outputs: readonly { readonly shape: Shape }[] };
}

export class Counters {
  readonly #gpu: Gpu;
  readonly #metrics: readonly Accumulated[];
  readonly #outputs: number;

  /** @throws for two metrics of one name, as they would be one in the logs, and for one that does not suit the output. */
  constructor({ gpu, metrics, model }: Counted) {
    this.#gpu = gpu;
    this.#metrics = metrics.filter((m): m is Accumulated => m.accumulator !== undefined);
    this.#outputs = model.outputs[0].shape.at(-1)!;
    for (const m of this.#metrics) this.#zeros(m);
    const names = metrics.map((m) => m.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new ThawError("compile", `two metrics are called ${twice}`, "a name for each", 'Pass name: "..." to one.');
  }

  /** Names in the logs. */
  get names(): string[] {
    return Object.keys(this.logsOf(new Map(this.#metrics.map((m) => [m, this.#zeros(m)]))));
  }

  /** After a pass: the counts of each metric, which begin at zero again. All are read at once. */
  async read(workspace: Workspace): Promise<Map<Objective, Uint32Array>> {
    const { device, memory } = this.#gpu;
    const buffers = this.#metrics.map((m) => workspace.resource(countsName(m))!);
    const all = memory.create(
      "counts",
      buffers.reduce((sum, b) => sum + b.size, 0),
      0x4 | 0x8, // COPY_SRC | COPY_DST
    );
    try {
      const encoder = device.createCommandEncoder();
      let at = 0;
      for (const buffer of buffers) {
        encoder.copyBufferToBuffer(buffer, 0, all, at, buffer.size);
        encoder.clearBuffer(buffer);
        at += buffer.size;
      }
      this.#gpu.submit([encoder.finish()]);
      const words = new Uint32Array((await readBuffer(this.#gpu, all)).buffer);
      at = 0;
      return new Map(
        this.#metrics.map((m, i) => {
          const from = at / 4;
          at += buffers[i].size;
          return [m, words.subarray(from, at / 4)];
        }),
      );
    } finally {
      memory.destroy(all);
    }
  }

  #zeros(m: Accumulated): Uint32Array {
    return new Uint32Array(m.accumulator.words(this.#outputs));
  }

  /** After a pass: its metrics. */
  async logs(workspace: Workspace, prefix = ""): Promise<Record<string, number>> {
    return this.logsOf(await this.read(workspace), prefix);
  }

  /** By name, those with a value for each class with the class's number behind it. */
  logsOf(counts: ReadonlyMap<Objective, Uint32Array>, prefix = ""): Record<string, number> {
    const logs: Record<string, number> = {};
    for (const m of this.#metrics) {
      const result = m.accumulator.finish(counts.get(m)!, this.#outputs);
      const name = prefixed(prefix, m.name);
      if (typeof result === "number") logs[name] = result;
      else result.forEach((value, i) => (logs[`${name}${i}`] = value));
    }
    return logs;
  }
}
