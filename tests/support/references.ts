/** All float64 references by the operation's name: every `*.reference.ts` below src/kernels. */
import type { Reference } from "../../src/kernels/reference";

const modules = import.meta.glob<Record<string, unknown>>("../../src/kernels/**/*.reference.ts", { eager: true });

export const references = new Map<string, Reference>(
  Object.values(modules)
    .flatMap((module) => Object.values(module))
    .filter(
      (value): value is Reference => typeof value === "object" && value !== null && "run" in value && "name" in value,
    )
    .map((value) => [value.name, value]),
);
