/**
 * The page: three trainings with live curves, and the plan of a step under a freeze line.
 *
 * `?epochs=1&images=20&validation=40` makes the trainings smaller, for tests of the page.
 */
import { adapterName, requestGpu } from "../src/index";
import { catOrDog, pretrained } from "../examples/cats-vs-dogs";
import { readSprite } from "../examples/read-sprite";
import meta from "../assets/cats_dogs.json";
import modelUrl from "../assets/thaw_cifar8.keras?url";
import spriteUrl from "../assets/cats_dogs.png?url";
import { byId } from "./dom";
import { PlanView } from "./plan-view";
import { drawSamples } from "./samples";
import { TrainingView } from "./training-view";

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`${url}: the server answered ${response.status}; expected the file. Reload the page.`);
  return response;
}

async function start(): Promise<void> {
  const gpu = await requestGpu();
  byId("adapter").textContent =
    `Runs on ${adapterName(gpu.adapter)}${gpu.adapter.software ? ", a software adapter: everything works, slowly" : ""}.`;
  const data = await readSprite(meta, await (await fetched(spriteUrl)).blob());
  const modelBytes = new Uint8Array(await (await fetched(modelUrl)).arrayBuffer());
  drawSamples(data.train);
  await PlanView.create(gpu, catOrDog(await pretrained(modelBytes), { seed: 1, training: false }));
  TrainingView.attach({ gpu, modelBytes, data, limits: limitsOf(new URLSearchParams(location.search)) });
  byId("main").hidden = false;
}

function limitsOf(query: URLSearchParams) {
  const whole = (name: string) => {
    const value = Number(query.get(name));
    return Number.isInteger(value) && value > 0 ? value : undefined;
  };
  const [epochs, trainingImages, validationImages] = ["epochs", "images", "validation"].map(whole);
  return {
    ...(epochs && { epochs }),
    ...(trainingImages && { trainingImages }),
    ...(validationImages && { validationImages }),
  };
}

try {
  await start();
} catch (error) {
  const place = byId("adapter");
  place.className = "problem";
  place.textContent = error instanceof Error ? error.message : String(error);
}
