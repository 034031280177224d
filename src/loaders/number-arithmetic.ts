/** Arithmetic of a tensor and a number, which needs no second operand in memory: the one table for Keras's and ONNX's files. */

/** Keras's names. */
export const numberOperations = ["Add", "Subtract", "Multiply", "Divide"] as const;
export type NumberOperation = (typeof numberOperations)[number];

/** Attributes of the engine's `affine`: scale * x + offset. */
export interface Affine {
  readonly scale: number;
  readonly offset: number;
}

/**
 * x op number, or number op x.
 *
 * @returns undefined for what is no such form, a number divided by a tensor.
 */
export function affineOf(operation: NumberOperation, value: number, numberFirst: boolean): Affine | undefined {
  switch (operation) {
    case "Add":
      return { scale: 1, offset: value };
    case "Subtract":
      return numberFirst ? { scale: -1, offset: value } : { scale: 1, offset: -value };
    case "Multiply":
      return { scale: value, offset: 0 };
    case "Divide":
      return numberFirst ? undefined : { scale: 1 / value, offset: 0 };
  }
}
