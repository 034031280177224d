/** The batch that every system computes with. */
import type { Dataset } from "../../../src/index";
import type { Network } from "../networks/layers";
import { uniform } from "../random";

export const batchOf = ({ batch, size, classes }: Network): Dataset => ({
  x: uniform(batch * size * size * 3, 1),
  y: Array.from({ length: batch }, (_, i) => i % classes),
  shape: [size, size, 3],
});
