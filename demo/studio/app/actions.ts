/** What the page does with its worker. Every action says what went wrong on the page, and leaves it usable. */
import type { KeepFormat, Opened, Phase, StudioEvent } from "../../worker/protocol";
import { onStudioEvent, theStudio } from "./client";
import {
  activity,
  adapter,
  busy,
  data,
  frozen,
  network,
  opening,
  plan,
  problem,
  results,
  runs,
  settings,
  wholePlan,
} from "./state";

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Opens with the embedded network and images. */
export async function begin(): Promise<void> {
  if (!navigator.gpu) {
    opening.value = { kind: "noWebGpu" };
    return;
  }
  onStudioEvent(onEvent);
  try {
    await show(await theStudio().open(settings.value.seed));
    opening.value = { kind: "open" };
  } catch (error) {
    opening.value = { kind: "failed", message: messageOf(error) };
  }
}

async function show(opened: Opened): Promise<void> {
  adapter.value = opened.adapter;
  network.value = opened.network;
  data.value = opened.data;
  runs.value = [];
  results.value = undefined;
  wholePlan.value = await theStudio().plan([], settings.value.batchSize);
  await setFrozen(new Set(baseLayers()));
}

export const baseLayers = (): string[] => network.value?.blocks.flatMap((b) => b.layers.map((l) => l.name)) ?? [];

let planning = false;
let planAgain = false;

/** Plans anew; while a plan is on its way, only the newest wish is kept. */
export async function setFrozen(names: ReadonlySet<string>): Promise<void> {
  frozen.value = names;
  if (activity.value) return;
  planAgain = true;
  if (planning) return;
  planning = true;
  try {
    while (planAgain) {
      planAgain = false;
      plan.value = await theStudio().plan([...frozen.value], settings.value.batchSize);
    }
  } catch (error) {
    problem.value = messageOf(error);
  } finally {
    planning = false;
  }
}

export async function replan(): Promise<void> {
  try {
    wholePlan.value = await theStudio().plan([], settings.value.batchSize);
  } catch (error) {
    problem.value = messageOf(error);
  }
  await setFrozen(frozen.value);
}

let lastRun = 0;

export async function train(phase: Phase): Promise<void> {
  problem.value = undefined;
  // The head learns on what is frozen whole; fine-tuning takes the freeze line where it is, unless all is still frozen.
  const all = baseLayers();
  if (phase === "head") frozen.value = new Set(all);
  if (phase === "fineTune" && all.every((name) => frozen.value.has(name))) frozen.value = new Set();
  const id = ++lastRun;
  const others = runs.value.filter((run) => run.phase !== phase && !(phase === "head" && run.phase === "fineTune"));
  runs.value = [...others, { id, phase, points: [] }];
  if (phase !== "scratch") results.value = undefined;
  activity.value = {
    phase,
    started: performance.now(),
    step: 0,
    steps: 0,
    epoch: 0,
    paused: false,
    pausing: false,
  };
  try {
    const end = await theStudio().train(phase, settings.value, [...frozen.value]);
    runs.value = runs.value.map((run) => (run.id === id ? { ...run, end } : run));
  } catch (error) {
    problem.value = messageOf(error);
    runs.value = runs.value.filter((run) => run.id !== id);
  } finally {
    activity.value = undefined;
  }
  await replan();
  if (phase !== "scratch" && runs.value.some((run) => run.id === id)) await look();
}

function onEvent(event: StudioEvent): void {
  const now = activity.value;
  if (event.kind === "lost") {
    opening.value = { kind: "failed", message: event.message };
    return;
  }
  if (!now) return;
  switch (event.kind) {
    case "features":
      activity.value = { ...now, features: { done: event.done, count: event.count } };
      break;
    case "progress":
      activity.value = { ...now, features: undefined, step: event.step, steps: event.steps, epoch: event.epoch };
      break;
    case "paused":
      activity.value = { ...now, paused: event.paused, pausing: false };
      break;
    case "point": {
      const list = runs.value;
      const run = list.at(-1)!;
      runs.value = [...list.slice(0, -1), { ...run, points: [...run.points, event.point] }];
      break;
    }
  }
}

export async function pause(on: boolean): Promise<void> {
  if (activity.value) activity.value = { ...activity.value, pausing: on };
  await theStudio().pause(on);
}

export const stop = async (): Promise<void> => await theStudio().stop();

/** Does something with the worker that takes a while. @returns undefined where it failed; the page says why. */
async function during<T>(kind: Exclude<typeof busy.value, "">, work: () => Promise<T>): Promise<T | undefined> {
  busy.value = kind;
  problem.value = undefined;
  try {
    return await work();
  } catch (error) {
    problem.value = messageOf(error);
    return undefined;
  } finally {
    busy.value = "";
  }
}

export async function undo(): Promise<void> {
  await during("results", async () => await theStudio().undo());
  await look();
}

/** Results of the network as it is now. */
export async function look(): Promise<void> {
  results.value = await during("results", async () => await theStudio().results(settings.value));
}

export const predict = async (image: Blob) => await during("predicting", async () => await theStudio().predict(image));

export const save = async (format: KeepFormat) => await during("saving", async () => await theStudio().save(format));

export const planFile = async () =>
  await during("saving", async () => await theStudio().planFile([...frozen.value], settings.value.batchSize));

export async function loadNetwork(files: readonly File[]): Promise<void> {
  await during("loading", async () => await show(await theStudio().loadNetwork(files, settings.value.seed)));
}

export async function loadImages(files: readonly { path: string; file: File }[]): Promise<void> {
  await during("loading", async () => await show(await theStudio().loadImages(files, settings.value.seed)));
}

export async function backToEmbedded(): Promise<void> {
  await during("loading", async () => await show(await theStudio().embedded(settings.value.seed)));
}

export async function removeImage(index: number): Promise<void> {
  const opened = await during("loading", async () => await theStudio().removeImage(index));
  if (opened) data.value = opened.data;
}
