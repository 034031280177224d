/** The three trainings: live curves, progress, and the closing table. */
import { formatBytes, formatFlops, type Container, type Gpu } from "../src/index";
import {
  phases,
  runMainJob,
  settings,
  type CatsAndDogs,
  type JobEvent,
  type JobResult,
  type Phase,
} from "../examples/cats-vs-dogs";
import { Chart } from "./curves";
import { byId, make, row } from "./dom";
import { SavingView } from "./saving-view";

const names: Record<Phase, string> = { scratch: "from scratch", frozen: "frozen", fineTuned: "fine-tuned" };
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

export interface TrainingInputs {
  readonly gpu: Gpu;
  readonly modelBytes: Uint8Array;
  readonly data: CatsAndDogs;
  /** Smaller than the lesson, for tests of the page. */
  readonly limits: { readonly epochs?: number; readonly trainingImages?: number; readonly validationImages?: number };
}

export class TrainingView {
  readonly #inputs: TrainingInputs;
  readonly #accuracy = new Chart(byId("accuracy", SVGSVGElement), {
    from: 0.4,
    to: 0.8,
    ticks: 4,
    format: percentTick,
  });
  readonly #loss = new Chart(byId("loss", SVGSVGElement), { from: 0, to: 0.8, ticks: 4, format: (v) => v.toFixed(1) });
  readonly #saving = SavingView.attach();
  #abort: AbortController | undefined;
  #started = 0;

  /** Lets the page's controls train. */
  static attach(inputs: TrainingInputs): TrainingView {
    return new TrainingView(inputs);
  }

  private constructor(inputs: TrainingInputs) {
    this.#inputs = inputs;
    byId("controls").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#run();
    });
    byId("stop").addEventListener("click", () => this.#abort?.abort());
  }

  async #run(): Promise<void> {
    this.#abort = new AbortController();
    this.#running(true);
    byId("results").hidden = true;
    this.#saving.show(undefined);
    let trained: Container | undefined;
    this.#started = performance.now();
    const { limits, ...inputs } = this.#inputs;
    try {
      const result = await runMainJob({
        ...inputs,
        ...limits,
        seed: byId("seed", HTMLInputElement).valueAsNumber,
        quick: byId("quick", HTMLInputElement).checked,
        signal: this.#abort.signal,
        onEvent: (event) => this.#onEvent(event),
        onTrained: (phase, model) => {
          if (phase === "fineTuned") trained = model;
        },
      });
      showResults(result);
      this.#saving.show(trained);
      say(`Done in ${result.seconds.toFixed(0)} seconds.`);
    } catch (error) {
      say(this.#abort.signal.aborted ? "Stopped." : error instanceof Error ? error.message : String(error));
    } finally {
      this.#running(false);
    }
  }

  #running(on: boolean): void {
    byId("start", HTMLButtonElement).disabled = on;
    byId("stop", HTMLButtonElement).disabled = !on;
    if (on) byId("progress", HTMLProgressElement).value = 0;
  }

  #onEvent(event: JobEvent): void {
    const { kind, phase, epochs, epoch, step, steps, logs } = event;
    if (kind === "start" && phase === "scratch") {
      this.#accuracy.clear(epochs);
      this.#loss.clear(epochs);
    }
    if (kind === "epoch") {
      if (logs.loss !== undefined) this.#loss.add(phase, names[phase], epoch + 1, logs.loss);
      if (logs.valAccuracy !== undefined) this.#accuracy.add(phase, names[phase], epoch + 1, logs.valAccuracy);
    }
    const share = (phases.indexOf(phase) + step / steps) / phases.length;
    byId("progress", HTMLProgressElement).value = share;
    const left = share > 0.02 ? ((performance.now() - this.#started) / 1000) * (1 / share - 1) : undefined;
    const time = left === undefined ? "" : `, about ${duration(left)} left`;
    // A screen reader should not be told of every batch and step.
    if (kind === "features" && event.features!.done <= settings.batchSize)
      say(`Training ${names[phase]}: the frozen layers run once over all images`);
    if (kind === "start" || kind === "epoch")
      say(`Training ${names[phase]}: epoch ${Math.min(epoch + 1, epochs)} of ${epochs}${time}`);
  }
}

const percentTick = (v: number) => `${Math.round(100 * v)} %`;
const duration = (seconds: number) =>
  seconds < 90 ? `${Math.ceil(seconds)} seconds` : `${Math.ceil(seconds / 60)} minutes`;

function say(text: string): void {
  byId("status").textContent = text;
}

function showResults(result: JobResult): void {
  const runs = phases.map((phase) => result[phase]);
  const each = (title: string, cell: (run: (typeof runs)[number]) => string) => row([title, ...runs.map(cell)]);
  const flops = ({ plan }: (typeof runs)[number]) => plan.forward.flops + plan.backward.flops + plan.update.flops;
  const head = row(["", ...phases.map((phase) => make("span", names[phase], phase))], "th");
  const body = [
    each("Validation accuracy", (r) => percent(r.valAccuracy.at(-1)!)),
    each("Validation loss", (r) => r.valLoss.at(-1)!.toFixed(3)),
    each("Weights that learn", (r) => r.trainableWeights.toLocaleString("en")),
    each("Seconds", (r) => r.seconds.toFixed(1)),
    each(
      "Dispatches a step, forward / backward",
      (r) => `${r.plan.forward.dispatches} / ${r.plan.backward.dispatches}`,
    ),
    each("FLOPs a step", (r) => formatFlops(flops(r))),
    each("Saved activations", (r) => formatBytes(r.plan.savedActivationBytes)),
    each("Peak memory", (r) => formatBytes(r.plan.peakBytes)),
  ];
  byId("table").replaceChildren(make("thead", [head]), make("tbody", body));
  const [, frozen, tuned] = runs;
  const skipped = tuned.plan.backward.dispatches - frozen.plan.backward.dispatches;
  const saved = percent(1 - flops(frozen) / flops(tuned));
  byId("verdict").textContent =
    `Freezing left out ${skipped} of ${tuned.plan.backward.dispatches} backward dispatches and ${saved} of a step's arithmetic` +
    `${frozen.plan.features?.cached ? " (the frozen layers ran once for all epochs)" : ""}, ` +
    `and needs ${formatBytes(frozen.plan.peakBytes)} of memory instead of ${formatBytes(tuned.plan.peakBytes)}. ` +
    `Measured on ${result.validationImages} images that no training has seen, seed ${result.seed}.`;
  byId("results").hidden = false;
}
