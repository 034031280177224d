/** All operations, also those that importers register. */
import { moreOperations, registerMoreOperations } from "../../src/kernels/registry-more";
import { operations as core } from "../../src/kernels/registry";

export { core };

registerMoreOperations();

export const operations = [...core, ...moreOperations];
export { findOperation } from "../../src/kernels/registry";
