/** What the page brings along: a network that knows eight classes of CIFAR-10, and cats and dogs, which it has not seen. */
import { readSprite } from "../../examples/read-sprite";
import type { LabelledDataset } from "../../src/transfer/index";
import { datasetFromTensors } from "../../src/transfer/index";
import type { Dataset } from "../../src/index";
import meta from "../../assets/cats_dogs.json";
import modelUrl from "../../assets/thaw_cifar8.keras?url";
import spriteUrl from "../../assets/cats_dogs.png?url";
import type { Parts } from "./parts";

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(`${url}: the server answered ${response.status}; expected the file. Reload the page.`);
  return response;
}

export const embeddedNetwork = async (): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await fetched(modelUrl)).arrayBuffer());

export async function embeddedImages(): Promise<Parts> {
  const { train, validation } = await readSprite(meta, await (await fetched(spriteUrl)).blob());
  return {
    own: false,
    training: labelled(train, "training"),
    validation: labelled(validation, "validation"),
    skipped: [],
  };
}

function labelled({ x, y, shape }: Dataset, part: string): LabelledDataset {
  const data = datasetFromTensors(x, y!, { shape, classNames: meta.labelNames });
  return { ...data, names: Array.from(data.y, (id, i) => `${meta.labelNames[id]}, ${part} ${i}`) };
}
