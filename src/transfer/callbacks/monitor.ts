/** The number that a callback watches, and what counts as better, as in Keras's MonitorCallback. */
import { ThawError } from "../../errors";
import { findOperation } from "../../kernels/registry";
import type { Logs, TrainingContext } from "../../nn/trainer";

export interface MonitorOptions {
  /** A name in the logs of an epoch; Keras's spelling (`val_loss`) means the same. Default "valLoss". */
  readonly monitor?: string;
  /**
   * Whether less or more is better. Default "auto": less for losses, more for accuracy and other metrics that know it; an error
   * where it cannot be told.
   */
  readonly mode?: "auto" | "min" | "max";
  /** What a change has to be beyond, to be an improvement; its sign does not matter. */
  readonly minDelta?: number;
}

const inCamelCase = (name: string) => name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());

export class Monitor {
  /** As in the logs. */
  readonly name: string;
  readonly #who: string;
  readonly #mode: NonNullable<MonitorOptions["mode"]>;
  readonly #minDelta: number;
  #better: "min" | "max" | undefined;

  constructor(who: string, { monitor = "valLoss", mode = "auto", minDelta = 0 }: MonitorOptions) {
    if (!["auto", "min", "max"].includes(mode))
      throw new ThawError(who, `mode ${JSON.stringify(mode)}`, '"auto", "min" or "max"');
    if (!Number.isFinite(minDelta)) throw new ThawError(who, `minDelta ${minDelta}`, "a finite number");
    this.#who = who;
    this.name = inCamelCase(monitor);
    this.#mode = mode;
    this.#minDelta = Math.abs(minDelta);
  }

  /**
   * At the beginning of a training.
   *
   * @throws for a name that no log will have (with a `mode`, another callback may still add it), and where "auto" cannot tell.
   */
  begin(context: TrainingContext): void {
    this.#better = this.#mode === "auto" ? this.#directionIn(context) : this.#mode;
  }

  #directionIn({ model, logNames }: TrainingContext): "min" | "max" {
    if (!logNames.includes(this.name)) throw this.#unknown(logNames);
    const plain = this.name.replace(/^val([A-Z])/, (_, c: string) => c.toLowerCase());
    if (plain === "loss") return "min";
    const metric = model.compiledWith?.metrics.find(
      (m) => m.name === plain || (m.accumulator && m.name === plain.replace(/\d+$/, "")),
    );
    const better = metric?.op === "accuracy" ? "max" : metric?.accumulator?.better;
    if (better) return better;
    if (metric && findOperation(metric.op).loss) return "min";
    throw new ThawError(
      this.#who,
      `cannot tell whether less or more of ${this.name} is better`,
      'mode "min" or "max"',
      'Pass mode: "max" where more is better.',
    );
  }

  #unknown(names: readonly string[]): ThawError {
    const remedy = this.name.startsWith("val") && !names.includes("valLoss") ? "Pass validationData to fit." : "";
    return new ThawError(this.#who, `there is no ${this.name} to monitor`, `one of ${names.join(", ")}`, remedy);
  }

  /** @throws where the logs lack it. */
  value(logs: Logs): number {
    const value = logs[this.name] as number | undefined;
    if (value === undefined) throw this.#unknown(Object.keys(logs));
    return value;
  }

  /** Compared in float32, as Keras does; NaN is no improvement on anything but nothing. @param reference undefined: everything is better. */
  improves(value: number, reference: number | undefined): boolean {
    if (reference === undefined) return true;
    return this.#better === "max"
      ? Math.fround(value - this.#minDelta) > Math.fround(reference)
      : Math.fround(value + this.#minDelta) < Math.fround(reference);
  }
}
