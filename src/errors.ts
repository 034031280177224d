/** The one form of an error: who, what happened with the received values, what was expected, how to mend it. */
export class ThawError extends Error {
  override name = "ThawError";
  constructor(who: string, happened: string, expected: string, remedy = "") {
    super(`${who}: ${happened}; expected ${expected}.${remedy ? ` ${remedy}` : ""}`);
  }
}

/** A shape as errors and summaries write it: `[1, 224, 224, 3]`. */
export function formatShape(shape: readonly (number | null)[] | undefined): string {
  return shape ? `[${shape.join(", ")}]` : "nothing";
}
