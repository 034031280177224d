/** NumPy's broadcasting as strides that programs can use, for up to five axes that cannot be walked as one. */
import { formatShape, ThawError } from "../../errors";
import type { Shape } from "../operation";

export const maxAxes = 5;

/** The shape padded with ones in front to five axes. */
export const toFive = (shape: Shape): number[] => [
  ...Array.from({ length: maxAxes - shape.length }, () => 1),
  ...shape,
];

/**
 * The axes of a result that has to be walked one by one, and the operands' lengths along them: axes of 1 are dropped, and
 * neighbours along which each operand is either there or repeated are joined.
 */
export function joinAxes(y: Shape, operands: readonly Shape[]): { readonly y: Shape; readonly operands: Shape[] } {
  const padded = operands.map((o) => [...Array.from({ length: y.length - o.length }, () => 1), ...o]);
  const joined: { size: number; there: boolean[] }[] = [];
  for (const [axis, size] of y.entries()) {
    if (size === 1) continue;
    const there = padded.map((o) => o[axis] !== 1);
    const last = joined.at(-1);
    if (last && there.every((t, i) => t === last.there[i])) last.size *= size;
    else joined.push({ size, there });
  }
  return {
    y: joined.map(({ size }) => size),
    operands: operands.map((_, i) => joined.map(({ size, there }) => (there[i] ? size : 1))),
  };
}

/** @throws when the shapes do not fit, or have more than five axes that cannot be joined. */
export function broadcastShape(who: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const [da, db] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    return da === 1 ? db : db === 1 || da === db ? da : Number.NaN;
  });
  if (shape.some(Number.isNaN) || joinAxes(shape, [a, b]).y.length > maxAxes) {
    throw new ThawError(
      who,
      `operands of shape ${formatShape(a)} and ${formatShape(b)}`,
      `equal axes or axes of 1, at most ${maxAxes} of them once neighbours are joined`,
    );
  }
  return shape;
}

/** Strides in elements of an operand along the five axes of the result; 0 where it is repeated. */
export function stridesOf(operand: Shape): number[] {
  const five = toFive(operand);
  let stride = 1;
  return five
    .toReversed()
    .map((size) => {
      const own = size === 1 ? 0 : stride;
      stride *= size;
      return own;
    })
    .toReversed();
}

/** Names for a list of five numbers: `a0` to `a4`. */
export const named = (prefix: string, values: readonly number[], from = 0): Record<string, number> =>
  Object.fromEntries(values.slice(from).map((v, i) => [`${prefix}${i + from}`, v]));

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
