/** Layers that a dialect has no class for, as several that it has: each part reads the layer's inputs or earlier parts. */

import type { SampleShape } from "../../../nn/layer";

type Json = Readonly<Record<string, unknown>>;

/** "x0", "x1": an input of the layer; a number: the output of that part. */
export type PartInput = `x${number}` | number | { readonly constant: unknown };

export interface Part {
  readonly className: string;
  /** Default "keras.layers". Modules of `keras.src.ops` are operations; null: the user's own. */
  readonly module?: string | null;
  /** Under which a class that is none of Keras's is known there. */
  readonly registeredName?: string;
  readonly config: Json;
  readonly inputs: readonly PartInput[];
  /** Behind the layer's name; the part that has the layer's weights, or else the last, has the name itself. */
  readonly suffix: string;
  readonly ownsWeights?: boolean;
  /** Whether its inputs are written as one list. */
  readonly asList?: boolean;
  /** Of its output, where it is not the layer's. */
  readonly shape?: SampleShape;
}

/** A layer in parts; its outputs are the last part's unless it says otherwise. */
export interface Parts {
  readonly parts: readonly Part[];
  readonly outputs?: readonly PartInput[];
}

export const isOperationPart = ({ module }: Part): boolean => module?.startsWith("keras.src.ops") ?? false;

/** Parts one after the other; the first reads the layer's input. */
export const chain = (parts: readonly Omit<Part, "inputs">[]): Part[] =>
  parts.map((part, i) => ({ ...part, inputs: [i === 0 ? "x0" : i - 1] }));

export const rescaling = (suffix: string, scale: number, offset: number): Omit<Part, "inputs"> => ({
  suffix,
  className: "Rescaling",
  config: { scale, offset },
});
