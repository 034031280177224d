import fs from "node:fs";
import { it } from "vitest";
import { requestGpu } from "../../src/index";
import { saveModel } from "../../src/loaders/index";
import * as networks from "../support/export-networks";
import { uniform } from "../support/random";
import { relativeError } from "./support/cases";
import { runInTfjs } from "./support/tfjs";
it("zz", async () => {
  const gpu = await requestGpu({ tuning: "off" });
  const model = networks.fillParameters(networks.everyImageLayer({ forTfjs: true })) as any;
  const random = uniform(5);
  const x = Float32Array.from({ length: 2 * 12 * 12 * 3 }, () => 2 * random() - 1);
  for (const layer of model.layers.slice(1)) {
    const part = model.upTo(layer.name);
    const folder = "/tmp/w/zz";
    fs.mkdirSync(folder, { recursive: true });
    await saveModel(part, folder + "/model.json");
    const { outputs } = await runInTfjs(folder, [x], 2);
    await part.compile({ gpu });
    console.log(layer.name, relativeError(outputs[0], await part.predict(x, { batchSize: 2 })));
    part.dispose();
  }
});
