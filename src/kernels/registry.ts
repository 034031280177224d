/** All operations by name. An operation that is not listed here cannot be planned. */
import { ThawError } from "../errors";
import type { Operation } from "./operation";
import { activation, activationGradient } from "./activation/activation";

const all: readonly Operation[] = [activation, activationGradient];

const byName = new Map(all.map((op) => [op.name, op]));

export const operations: readonly Operation[] = all;

/** @throws when no operation has the name. */
export function findOperation(name: string): Operation {
  const op = byName.get(name);
  if (!op) throw new ThawError(name, "no such operation", `one of ${[...byName.keys()].join(", ")}`);
  return op;
}
