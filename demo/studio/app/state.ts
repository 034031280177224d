/** What the page shows: view state alone. Networks, images and weights stay with the worker. */
import { computed, signal } from "@preact/signals";
import type { DataInfo, NetworkInfo, Opened, Phase, Results, RunEnd, Settings, StepPlan } from "../../worker/protocol";
import type { Point } from "../../worker/protocol";

export type Opening =
  | { readonly kind: "opening" }
  | { readonly kind: "noWebGpu" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "open" };

export const opening = signal<Opening>({ kind: "opening" });
export const adapter = signal<Opened["adapter"] | undefined>(undefined);
export const network = signal<NetworkInfo | undefined>(undefined);
export const data = signal<DataInfo | undefined>(undefined);

/** What the embedded network and images need: see examples/cats-vs-dogs.ts. */
export const settings = signal<Settings>({
  epochs: 6,
  batchSize: 20,
  rates: { head: 3e-3, fineTune: 3e-4, scratch: 1e-3 },
  seed: 1,
  trainingImages: 200,
  validationImages: 400,
  augment: false,
});

/** Names of the base's layers that are frozen. */
export const frozen = signal<ReadonlySet<string>>(new Set());
/** Of the step as it would be now, and with nothing frozen. */
export const plan = signal<StepPlan | undefined>(undefined);
export const wholePlan = signal<StepPlan | undefined>(undefined);

export interface Run {
  readonly id: number;
  readonly phase: Phase;
  readonly points: readonly Point[];
  readonly end?: RunEnd;
}

export const runs = signal<readonly Run[]>([]);

export interface Activity {
  readonly phase: Phase;
  readonly started: number;
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** While frozen layers run once over all images. */
  readonly features?: { readonly done: number; readonly count: number };
  readonly paused: boolean;
  /** Asked for, but the epoch is not over yet. */
  readonly pausing: boolean;
}

export const activity = signal<Activity | undefined>(undefined);
/** Something other than training, during which nothing else can be begun. */
export const busy = signal<"" | "loading" | "results" | "saving" | "predicting">("");
export const idle = computed(() => !activity.value && busy.value === "" && opening.value.kind === "open");
export const results = signal<Results | undefined>(undefined);

/** What went wrong last, in a sentence; plain text from wherever it comes. */
export const problem = signal<string | undefined>(undefined);

/** Phases that have a finished run on the present network and images. */
export const trained = computed(() => new Set(runs.value.filter((r) => r.end).map((r) => r.phase)));
