/** What `thaw finetune` prints: a head for each training, its plan, a line an epoch with a bar, and a closing table. */
import { formatBytes, formatFlops, type PhaseTotals } from "../index";
import { phases, type JobEvent, type JobResult, type Phase, type PlanTotals } from "../../examples/cats-vs-dogs";
import type { Io } from "./io";

const titles: Record<Phase, string> = {
  scratch: "1. From scratch: the same layers, nothing learnt yet",
  frozen: "2. Frozen: the pretrained layers stay, a new last layer learns",
  fineTuned: "3. Fine-tuned: the network of 2, thawed, at a low rate",
};

const names: Record<Phase, string> = { scratch: "scratch", frozen: "frozen", fineTuned: "fine-tuned" };

export class FinetuneReport {
  readonly #io: Io;
  #live = false;

  constructor(io: Io) {
    this.#io = io;
  }

  begin(adapter: string, runtime: string, { quick, seed }: { readonly quick?: boolean; readonly seed: number }): void {
    this.#line(`Cats and dogs${quick ? ", quickly" : ""}: on ${adapter} in ${runtime}, seed ${seed}`);
  }

  event(e: JobEvent): void {
    if (e.kind === "start" && e.plan) {
      this.#line(`\n${titles[e.phase]}\n`);
      // The plan of the first is that of the third, but for batch normalization: two long tables are enough.
      if (e.phase === "scratch") this.#line(totalsLine(e.plan.totals));
      else this.#line(indent(e.plan.text));
      this.#line("");
    } else if (e.features && this.#io.interactive) {
      this.#show(`frozen layers, once for all epochs: ${e.features.done} of ${e.features.count} images`);
    } else if (e.kind === "step" && this.#io.interactive) {
      this.#show(`${this.#head(e)}  ${numbers(e.logs.loss, e.logs.accuracy)}`);
    } else if (e.kind === "epoch") {
      const { loss, accuracy, valLoss, valAccuracy } = e.logs;
      this.#line(`${this.#head(e)}  ${numbers(loss, accuracy)}   validation: ${numbers(valLoss, valAccuracy)}`);
    }
  }

  end(result: JobResult, seconds: number): void {
    const { scratch, frozen, fineTuned, trainingImages, validationImages, epochs, seed } = result;
    const head = `${trainingImages} images, ${epochs} epochs, seed ${seed}; validation on ${validationImages} others`;
    this.#line(`\n${head}\n\n${table(result)}\n`);
    const [first, second, third] = [scratch, frozen, fineTuned].map((r) => r.valAccuracy.at(-1)!) as [
      number,
      number,
      number,
    ];
    this.#line(
      `The frozen network ends ${points(second, first)} the one from scratch, and fine-tuning ${points(third, second)} the frozen one.`,
    );
    this.#line(saved(frozen.plan, fineTuned.plan));
    this.#line(`${seconds.toFixed(0)} seconds in all.`);
  }

  /** Leaves the cursor on a fresh line, also after an error in the middle of a bar. */
  close(): void {
    if (this.#live) this.#io.out("\n");
    this.#live = false;
  }

  #head({ epoch, epochs, step, steps }: JobEvent): string {
    return `  ${String(epoch + 1).padStart(String(epochs).length)}/${epochs} ${bar(step / steps, 24)}`;
  }

  /** Rewritten by the next text. */
  #show(text: string): void {
    this.#io.out(`\r\x1b[K${text.slice(0, this.#io.width - 1)}`);
    this.#live = true;
  }

  #line(text: string): void {
    this.#io.out(`${this.#live ? "\r\x1b[K" : ""}${text}\n`);
    this.#live = false;
  }
}

const points = (a: number, b: number) => `${Math.abs(100 * (a - b)).toFixed(1)} points ${a >= b ? "above" : "below"}`;
const saving = (part: number, whole: number) => `${(100 * (1 - part / whole)).toFixed(1)} %`;
const cost = ({ dispatches, flops }: PhaseTotals) => `${dispatches} / ${formatFlops(flops)}`;
const percent = (share: number | undefined) => `${(100 * (share ?? Number.NaN)).toFixed(1)} %`.padStart(7);
const numbers = (loss: number | undefined, accuracy: number | undefined) =>
  `loss ${(loss ?? Number.NaN).toFixed(4)}  accuracy ${percent(accuracy)}`;

/** Filled in steps of an eighth of a character. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const whole = Math.floor(eighths / 8);
  const part = " ▏▎▍▌▋▊▉"[eighths % 8];
  return `▕${("█".repeat(whole) + (eighths % 8 > 0 ? part : "")).padEnd(width)}▏`;
}

/** A curve in one line, from `low` to `high`. */
export function sparkline(values: readonly number[], low: number, high: number): string {
  const marks = "▁▂▃▄▅▆▇█";
  return values.map((v) => marks[Math.min(7, Math.max(0, Math.floor((8 * (v - low)) / (high - low))))]).join("");
}

const indent = (text: string) => text.replace(/^(?=.)/gm, "  ");

const totalsLine = (t: PlanTotals) =>
  `  train step, batch ${t.batchSize}: ${t.dispatches} dispatches, 1 submit; ${formatFlops(flops(t))} FLOPs, ` +
  `${formatBytes(t.savedActivationBytes)} saved activations, peak ${formatBytes(t.peakBytes)}`;

const flops = (t: PlanTotals) => t.forward.flops + t.backward.flops + t.update.flops;

function table(result: JobResult): string {
  const runs = phases.map((phase) => result[phase]);
  const all = runs.flatMap((r) => r.valAccuracy);
  const [low, high] = [Math.min(0.5, ...all), Math.max(...all) + 1e-9];
  const width = Math.max(15, result.epochs);
  const row = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(28)}${cells.map((c) => c.padStart(width)).join("  ")}`.trimEnd();
  const each = (name: string, f: (r: (typeof runs)[number]) => string) => row(name, runs.map(f));
  const phase = (name: "forward" | "backward" | "update") =>
    each(`  ${name}: dispatches / FLOPs`, (r) => cost(r.plan[name]));
  const rule = `  ${"─".repeat(28 + 3 * (width + 2) - 2)}`;
  return [
    row(
      "",
      phases.map((p) => names[p]),
    ),
    rule,
    each("validation accuracy", (r) => percent(r.valAccuracy.at(-1))),
    each("  by epoch", (r) => sparkline(r.valAccuracy, low, high)),
    each("validation loss", (r) => r.valLoss.at(-1)!.toFixed(4)),
    each("training accuracy", (r) => percent(r.accuracy.at(-1))),
    each("learning rate", (r) => String(r.learningRate)),
    each("weights that learn", (r) => r.trainableWeights.toLocaleString("en")),
    each("seconds", (r) => r.seconds.toFixed(1)),
    rule,
    row("one step", []),
    phase("forward"),
    phase("backward"),
    phase("update"),
    each("  saved activations", (r) => formatBytes(r.plan.savedActivationBytes)),
    each("  peak memory", (r) => formatBytes(r.plan.peakBytes)),
  ].join("\n");
}

/** What freezing the base left out of every step. */
function saved(frozen: PlanTotals, thawed: PlanTotals): string {
  return (
    `Freezing the base left out ${thawed.backward.dispatches - frozen.backward.dispatches} of ${thawed.backward.dispatches} backward dispatches, ` +
    `${saving(flops(frozen), flops(thawed))} of a step's FLOPs and ${saving(frozen.savedActivationBytes, thawed.savedActivationBytes)} of the saved activations.` +
    (frozen.features?.cached ? " The frozen layers ran once over the images, before the first step." : "")
  );
}
