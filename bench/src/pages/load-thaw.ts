/** From the beginning of navigation to the first trained step of a head on a frozen base, with Thaw. */
import { requestGpu } from "../../../src/index";
import { smallNetwork } from "../networks";
import { assembleThaw, compileThaw, freeze } from "../systems/thaw";
import { fetchBatch, fetchWeights, report } from "./load";

await report(async () => {
  const [gpu, weights, data] = await Promise.all([requestGpu(), fetchWeights(), fetchBatch()]);
  const model = assembleThaw(smallNetwork);
  for (const layer of model.layers) weights(layer.name).forEach(({ value }, i) => layer.parameters[i].assign(value));
  freeze(model, model.layers.length - 1);
  await compileThaw(model, gpu);
  const { history } = await model.fit(data, { batchSize: smallNetwork.batch, shuffle: false });
  return history.loss[0];
});
