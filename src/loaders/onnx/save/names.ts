/** Names of tensors and nodes: those of weights and inputs are the model's own, the others are made of the layer and the operator. */
import { ThawError } from "../../../errors";
import type { Layer } from "../../../nn/layer";
import { Container } from "../../../nn/model";
import type { Parameter } from "../../../nn/parameter";

export class TensorNames {
  readonly #owners = new Map<string, string>();

  /**
   * Takes a name that must not change.
   *
   * @param owner who wants it, for the message
   * @throws when something else has it, with both owners.
   */
  reserve(name: string, owner: string): void {
    const other = this.#owners.get(name);
    if (name === "") throw new ThawError(owner, "has no name", "names that are not empty");
    if (other !== undefined)
      throw new ThawError(
        owner,
        `is called ${JSON.stringify(name)} in ONNX, and so is ${other}`,
        "names that differ once layers of nested models are joined with /",
        "Give one of the two layers another name.",
      );
    this.#owners.set(name, owner);
  }

  /** A name of the writer's own making, with a number where it is taken. */
  take(wanted: string): string {
    let name = wanted;
    for (let n = 1; this.#owners.has(name); n++) name = `${wanted}_${n}`;
    this.#owners.set(name, "");
    return name;
  }
}

/** Each weight with the names it is reached by, the layer before the models around it, as they are before they are joined. */
export function ownersOf(model: Container): Map<Parameter, string> {
  const found = new Map<Parameter, string>();
  const visit = (layer: Layer, path: readonly string[]): void => {
    if (layer instanceof Container) for (const inner of layer.layers) visit(inner, [...path, inner.name]);
    else
      for (const parameter of layer.parameters)
        found.set(
          parameter,
          `${parameter.name} of ${path
            .toReversed()
            .map((name) => JSON.stringify(name))
            .join(" in ")}`,
        );
  };
  visit(model, []);
  return found;
}
