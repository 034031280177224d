/** All operations that the forward part of a network can hold, and how each is written. */
import { activations, prelu } from "./activations";
import { arrangements } from "./arrangements";
import { convolutions } from "./convolutions";
import { elementwise } from "./elementwise";
import { indexing } from "./indexing";
import { normalizations } from "./normalizations";
import { products } from "./products";
import { resizing } from "./resizing";
import type { OperationWriters } from "./writer";

export const operationWriters: OperationWriters = {
  ...activations,
  ...arrangements,
  ...convolutions,
  ...elementwise,
  ...indexing,
  ...normalizations,
  ...products,
  ...resizing,
};

/** Groups of operations that recognise.ts makes one of. */
export const groupWriters: OperationWriters = { prelu };
