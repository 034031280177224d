/** `thaw summary FILE`. */
import { summary } from "../index";
import { loadModel } from "../loaders/index";
import type { Io } from "./io";

export async function summaryCommand(file: string, options: { expandNested?: boolean }, io: Io): Promise<void> {
  const model = await loadModel(file);
  io.out(`${summary(model, { expandNested: options.expandNested ?? false })}\n`);
}
