/** What is checked of every model before anything is written, whatever the format. */
import { formatShape, ThawError } from "../errors";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";
import { ownersOf } from "./onnx/save/names";

/** @throws where a layer has no weights yet. */
export function requireBuilt(model: Container): void {
  const open = model.flatLayers().find((layer) => !layer.built && layer.className !== "InputLayer");
  if (open)
    throw new ThawError(
      model.name,
      `its layer ${open.name} has no weights yet, because its input's shape is not known`,
      "a built model",
      "Give the model an input shape.",
    );
}

/**
 * Gives all parameters their paths.
 *
 * @throws where two have the same one, with both.
 */
export function requireDistinctPaths(model: Container): void {
  model.assignPaths();
  const owners = ownersOf(model);
  const taken = new Map<string, Parameter>();
  for (const parameter of model.allParameters()) {
    const other = taken.get(parameter.path);
    if (other)
      throw new ThawError(
        model.name,
        `the weights ${owners.get(other)!} and ${owners.get(parameter)!} both have the path ${parameter.path}`,
        "a path for each weight",
        "Give one of the two layers another name when it is made.",
      );
    taken.set(parameter.path, parameter);
  }
}

/** @throws where weights are not finite: which, how many of how many, and the first of each. */
export function requireFinite(model: Container): void {
  const problems = model.allParameters().flatMap(problemOf);
  if (problems.length === 0) return;
  const more = problems.length > 5 ? `; and ${problems.length - 5} more weights` : "";
  throw new ThawError(
    model.name,
    `${problems.slice(0, 5).join("; ")}${more}`,
    "finite weights",
    "Training has diverged: take a snapshot from before, or a lower learning rate. { allowNonFinite: true } writes them all the same.",
  );
}

function problemOf({ path, value, shape }: Parameter): string[] {
  const first = value.findIndex((v) => !Number.isFinite(v));
  if (first < 0) return [];
  const count = value.reduce((n, v) => (Number.isFinite(v) ? n : n + 1), 0);
  const place = formatShape(indexOf(first, shape));
  const are = count === 1 ? "is" : "are";
  return [`${path}: ${count} of ${value.length} values ${are} not finite, the first (${value[first]}) at ${place}`];
}

/** A place in C order as one number for each dimension. */
function indexOf(place: number, shape: readonly number[]): number[] {
  let rest = place;
  return shape
    .toReversed()
    .map((size) => {
      const index = rest % size;
      rest = (rest - index) / size;
      return index;
    })
    .toReversed();
}
