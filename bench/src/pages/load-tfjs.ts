/** From the beginning of navigation to the first trained step of a head on a frozen base, with TF.js. */
import { smallNetwork } from "../networks";
import { startTfjs } from "../systems/tfjs";
import { startNetwork } from "../systems/tfjs-step";
import { fetchBatch, fetchWeights, report } from "./load";

await report(async () => {
  const [, weights, data] = await Promise.all([startTfjs(), fetchWeights(), fetchBatch()]);
  const isTrainable = (layer: string) => layer === "head";
  const [, { loss }] = await startNetwork({ network: smallNetwork, data, weights, isTrainable });
  return loss;
});
