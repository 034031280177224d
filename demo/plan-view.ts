/** The plan of one training step under a freeze line: totals, and a row a layer. */
import {
  adam,
  formatBytes,
  formatFlops,
  sparseCategoricalCrossentropy,
  type FunctionalModel,
  type Gpu,
  type LayerPlan,
  type PlanJson,
} from "../src/index";
import { settings } from "../examples/cats-vs-dogs";
import { byId, make, row } from "./dom";

export class PlanView {
  readonly #model: FunctionalModel;
  /** What can be frozen, from the input up; the new last layer is not in it. */
  readonly #layers: readonly { name: string; trainable: boolean }[];
  readonly #unfrozen: PlanJson;

  private constructor(model: FunctionalModel) {
    this.#model = model;
    this.#layers = model.flatLayers().filter((layer) => layer.name !== "cat_or_dog");
    this.#unfrozen = this.#planAt(0);
    const slider = byId("freeze", HTMLInputElement);
    slider.max = String(this.#layers.length);
    slider.value = slider.max;
    slider.addEventListener("input", () => this.#show(Number(slider.value)));
    this.#show(this.#layers.length);
  }

  /** @param model pretrained layers and a new last one; it stays compiled as long as the page is open. */
  static async create(gpu: Gpu, model: FunctionalModel): Promise<PlanView> {
    await model.compile({ gpu, optimizer: adam(), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
    return new PlanView(model);
  }

  #planAt(frozen: number): PlanJson {
    this.#layers.forEach((layer, i) => (layer.trainable = i >= frozen));
    return this.#model.plan({ batchSize: settings.batchSize }).toJSON();
  }

  #show(frozen: number): void {
    const plan = this.#planAt(frozen);
    const last = frozen === 0 ? "nothing is frozen" : this.#layers[frozen - 1].name.split("/").at(-1)!;
    byId("frozen").textContent = last;
    byId("freeze").setAttribute("aria-valuetext", last);
    byId("totals").replaceChildren(...totals(plan, this.#unfrozen));
    const head = row(["layer", "forward", "dx", "dw", "saved", "FLOPs", "why not more"], "th");
    head.lastElementChild!.className = "why";
    byId("plan").replaceChildren(make("thead", [head]), make("tbody", plan.layers.map(layerRow)));
  }
}

/** The row has the layer's name already. */
const shorten = ({ name, reason }: LayerPlan) =>
  reason
    .replaceAll(`below ${name.split("/").at(-1)!}`, "below it")
    .replaceAll(`${name.split("/").at(-1)!} is`, "it is");

const flops = (p: PlanJson) => p.forward.flops + p.backward.flops + p.update.flops;

function totals(plan: PlanJson, all: PlanJson): HTMLElement[] {
  const entry = (name: string, value: string, whole: string) =>
    make("div", [make("dt", name), make("dd", [document.createTextNode(value), make("small", `of ${whole}`)])]);
  return [
    entry("Dispatches", String(plan.dispatches), `${all.dispatches} unfrozen`),
    entry("of them backward", String(plan.backward.dispatches), String(all.backward.dispatches)),
    entry("FLOPs a step", formatFlops(flops(plan)), formatFlops(flops(all))),
    entry("Saved activations", formatBytes(plan.savedActivationBytes), formatBytes(all.savedActivationBytes)),
    entry("Peak memory", formatBytes(plan.peakBytes), formatBytes(all.peakBytes)),
  ];
}

function layerRow(layer: LayerPlan): HTMLElement {
  const cell = (name: string, there: boolean) => {
    const made = make("span", name, there ? "cell" : "cell skipped");
    made.title = there ? `${name} is computed` : `${name} is skipped`;
    return made;
  };
  // A layer without weights has no dw to skip; one that runs inside its neighbour has no dispatch of its own.
  const hasWeights = layer.dw || layer.reason.includes("dw skipped");
  const input = layer.className === "InputLayer";
  const forward = make(
    "span",
    layer.forward.length > 0 ? "runs" : input ? "–" : "merged",
    layer.forward.length > 0 ? "cell" : "cell nothing",
  );
  forward.title = layer.forward.join(", ");
  const made = row([
    layer.name.split("/").at(-1)!,
    forward,
    input ? make("span", "–", "cell nothing") : cell("dx", layer.dx),
    hasWeights ? cell("dw", layer.dw) : make("span", "–", "cell nothing"),
    layer.savedActivationBytes > 0 ? formatBytes(layer.savedActivationBytes) : "–",
    formatFlops(layer.flops),
    shorten(layer),
  ]);
  made.lastElementChild!.className = "why";
  if (!layer.trainable) made.className = "isFrozen";
  return made;
}
