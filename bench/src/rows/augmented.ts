/** What augmentation adds to a step of the head: the same network and batch with and without, step by step in turns. */
import { augmentation, defaultAugmentation } from "../../../src/transfer";
import { interleave, type Contestant } from "../measure/timing";
import type { Network } from "../networks/layers";
import { medianOf, type Row } from "../result";
import { PacedFit } from "../systems/paced-fit";
import { buildThaw, compileThaw, freeze } from "../systems/thaw";
import { batchOf } from "./batch";
import type { Context } from "./context";

export async function augmentedRows(network: Network, context: Context): Promise<Row[]> {
  const id = `step/${network.name}/head-augmented`;
  if (!context.wants(id)) return [];
  context.say(id);
  const reason = "the row says what augmentation adds to Thaw's own step of the head";
  for (const system of ["tfjs", "jaxjs", "ort"] as const) context.absences.note(id, system, reason);
  const data = batchOf(network);
  const start = async (preparation?: ReturnType<typeof augmentation>) => {
    const model = buildThaw(network);
    freeze(model, model.layers.length - 1);
    await compileThaw(model, context.gpu);
    return { model, fit: await PacedFit.start(model, data, network.batch, false, preparation) };
  };
  const plain = await start();
  const augmented = await start(augmentation(defaultAugmentation()));
  const contestant = (name: string, { fit }: typeof plain): Contestant => ({
    name,
    run: async (times) => {
      for (let i = 0; i < times; i++) await fit.epoch();
    },
  });
  const times = await interleave([contestant("head", plain), contestant("augmented", augmented)], context.pace());
  for (const { fit, model } of [plain, augmented]) {
    await fit.stop();
    model.dispose();
  }
  const [head, more] = [times.head, times.augmented].map((t) => medianOf(t));
  return [
    {
      id,
      unit: "ms",
      thaw: times.augmented,
      note: `defaultAugmentation() takes ${(100 * (more / head - 1)).toFixed(1)} % more than the step without it`,
      details: { withoutAugmentation: head },
    },
  ];
}
