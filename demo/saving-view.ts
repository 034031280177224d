/** The trained network as a download. `saveModel` fetches what writes a format when it is first asked for. */
import { formatBytes, type Container } from "../src/index";
import { saveModel } from "../src/loaders/index";
import { byId, make } from "./dom";

/** Names whose endings tell the format, and what a reader calls it. */
const kinds: readonly (readonly [file: string, label: string, title: string])[] = [
  ["cats-vs-dogs.keras", "Keras", "One .keras file, for keras.models.load_model"],
  ["cats-vs-dogs.onnx", "ONNX", "One .onnx file, for ONNX Runtime and whatever reads ONNX"],
  ["model.json", "TF.js", "model.json and its weights, for tf.loadLayersModel; two downloads"],
  ["cats-vs-dogs.safetensors", "safetensors", "The weights alone, under the names of their layers"],
];

export class SavingView {
  #model: Container | undefined;

  /** Fills the page's row of buttons. */
  static attach(): SavingView {
    const view = new SavingView();
    byId("formats").replaceChildren(
      ...kinds.map(([file, label, title]) => {
        const button = make("button", label) as HTMLButtonElement;
        button.type = "button";
        button.title = title;
        button.addEventListener("click", () => void view.#save(file, button));
        return button;
      }),
    );
    return view;
  }

  /** @param model trained, its weights read back from the GPU; undefined while there is none. */
  show(model: Container | undefined): void {
    this.#model = model;
    byId("saving").hidden = !model;
    byId("saved").textContent = "";
  }

  async #save(file: string, button: HTMLButtonElement): Promise<void> {
    const model = this.#model;
    if (!model) return;
    button.disabled = true;
    try {
      const files = await saveModel(model, file);
      byId("saved").textContent = `Handed to the browser: ${files
        .map(({ name, bytes }) => `${name} (${formatBytes(bytes.length)})`)
        .join(" and ")}.`;
    } catch (error) {
      byId("saved").textContent = error instanceof Error ? error.message : String(error);
    } finally {
      button.disabled = false;
    }
  }
}
