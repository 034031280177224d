/** All operations, also those that importers and the toolkit register. */
import { operations as core } from "../../src/kernels/registry";
import { moreOperations, registerMoreOperations } from "../../src/kernels/registry-more";
import { registerTransferOperations, transferOperations } from "../../src/kernels/registry-transfer";

export { core };

registerMoreOperations();
registerTransferOperations();

export const operations = [...core, ...moreOperations, ...transferOperations];
export { findOperation } from "../../src/kernels/registry";
