/** The page behind `thaw finetune --runtime browser`: runs the lesson when asked, and reports to the command line. */
import { requestGpu, type AdapterDescription } from "../src/index";
import { runMainJob, type CatsDogsJson, type JobEvent, type JobResult } from "./cats-vs-dogs";
import { readSprite } from "./read-sprite";

declare global {
  /** Given by the command line. */
  function thawAdapter(adapter: AdapterDescription): Promise<void>;
  function thawEvent(event: JobEvent): Promise<void>;
  /** Called by the command line. */
  var runFinetune: (request: {
    seed: number;
    quick: boolean;
    epochs?: number;
  }) => Promise<{ result?: JobResult; error?: string }>;
}

async function fetched(name: string): Promise<Response> {
  const response = await fetch(`/assets/${name}`);
  if (!response.ok) throw new Error(`assets/${name} answered ${response.status}`);
  return response;
}

const onEvent = (event: JobEvent) => void thawEvent(event);

globalThis.runFinetune = async (request) => {
  try {
    const gpu = await requestGpu();
    try {
      await thawAdapter(gpu.adapter);
      const meta = (await (await fetched("cats_dogs.json")).json()) as CatsDogsJson;
      const data = await readSprite(meta, await (await fetched("cats_dogs.png")).blob());
      const modelBytes = new Uint8Array(await (await fetched("thaw_cifar8.keras")).arrayBuffer());
      return { result: await runMainJob({ gpu, modelBytes, data, ...request, onEvent }) };
    } finally {
      gpu.dispose();
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
};
