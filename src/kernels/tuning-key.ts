/** The name of a problem in a table of tuned answers. */

/**
 * Operation, attributes in alphabetical order, and shapes of the inputs that are there (so an epilogue is part of it), e.g.
 * `matmul {"transposeX":true} w[64,8] x[64,16]`.
 */
export function tuningKey(
  op: { readonly name: string; readonly outputs: readonly string[] },
  attrs: unknown,
  shapes: Readonly<Record<string, readonly number[] | undefined>>,
): string {
  const inputs = Object.keys(shapes)
    .filter((name) => shapes[name] && !op.outputs.includes(name))
    .toSorted();
  return [
    op.name,
    JSON.stringify(sorted(attrs ?? {})),
    ...inputs.map((name) => `${name}[${shapes[name]!.join()}]`),
  ].join(" ");
}

/** The operation that a key is about. */
export const operationOfKey = (key: string): string => key.split(" ", 1)[0];

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, v]) => [name, sorted(v)]));
}
