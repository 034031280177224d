/** What the studio's worker does for the page. It owns the GPU, the networks and the data; the page gets plain data. */
import type { PlanJson } from "../../src/index";

/** The guided flow, in its order. */
export const phases = ["head", "fineTune", "scratch"] as const;
export type Phase = (typeof phases)[number];

export interface Settings {
  readonly epochs: number;
  readonly batchSize: number;
  /** Of Adam, by phase. */
  readonly rates: Readonly<Record<Phase, number>>;
  readonly seed: number;
  /** Images that are taken of those there are. */
  readonly trainingImages: number;
  readonly validationImages: number;
  readonly augment: boolean;
}

export interface LayerInfo {
  readonly name: string;
  readonly className: string;
  readonly parameters: number;
}

export interface BlockInfo {
  readonly name: string;
  readonly layers: readonly LayerInfo[];
}

export interface NetworkInfo {
  readonly name: string;
  /** [height, width, channels] of the samples. */
  readonly inputShape: readonly number[];
  /** Of the pretrained part, from the input up. */
  readonly blocks: readonly BlockInfo[];
  /** Layers that are new. */
  readonly head: readonly LayerInfo[];
  readonly parameters: number;
}

/** A picture as a canvas takes it. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

export interface Thumbnail extends Picture {
  /** Place in its part of the data. */
  readonly index: number;
  readonly name: string;
}

export interface DataClass {
  readonly name: string;
  readonly training: number;
  readonly validation: number;
  /** The first of the training images. */
  readonly thumbnails: readonly Thumbnail[];
}

export interface DataInfo {
  /** The embedded set, or what a visitor brought. */
  readonly own: boolean;
  readonly classes: readonly DataClass[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export interface Opened {
  readonly adapter: { readonly name: string; readonly software: boolean };
  readonly network: NetworkInfo;
  readonly data: DataInfo;
}

/** A plan's numbers for one step, without its list of dispatches. */
export interface StepPlan extends Omit<PlanJson, "steps"> {
  readonly trainableWeights: number;
  /** By the speed of the trainings so far; undefined before the first. */
  readonly predictedSeconds: number | undefined;
}

/** One place on a run's curves. `epoch` may be a fraction. */
export interface Point {
  readonly epoch: number;
  readonly loss?: number;
  readonly valLoss?: number;
  readonly valAccuracy?: number;
}

export interface RunEnd {
  readonly ended: "finished" | "aborted" | "callback";
  readonly seconds: number;
  readonly steps: number;
  /** From 0 (before the first epoch): the epoch of the best validation loss, and the accuracy then. */
  readonly bestEpoch: number;
  readonly bestAccuracy: number;
  readonly bestLoss: number;
  readonly plan: StepPlan;
}

export type StudioEvent =
  | { readonly kind: "features"; readonly done: number; readonly count: number }
  | { readonly kind: "point"; readonly point: Point }
  | { readonly kind: "progress"; readonly step: number; readonly steps: number; readonly epoch: number }
  | { readonly kind: "paused"; readonly paused: boolean }
  | { readonly kind: "lost"; readonly message: string };

/** A mistake: an image that is sure to be what it is not. */
export interface Mistake extends Picture {
  readonly truth: string;
  readonly taken: string;
  readonly probability: number;
}

export interface Results {
  readonly classNames: readonly string[];
  readonly count: number;
  readonly accuracy: number;
  readonly loss: number;
  /** Rows are what images are, columns what they are taken for. */
  readonly confusionMatrix: readonly (readonly number[])[];
  readonly mistakes: readonly Mistake[];
  /** |after - before| / |before| of each layer since the network was loaded. */
  readonly moved: readonly { readonly layer: string; readonly change: number }[];
}

/** What a layer's channels make of an image, side by side; each from its own least to its own largest value. */
export interface FeatureMaps extends Picture {
  readonly layer: string;
  /** That are shown, and that there are. */
  readonly shown: number;
  readonly channels: number;
}

export interface Prediction {
  readonly classes: readonly { readonly name: string; readonly probability: number }[];
  readonly image: Picture;
  /** The image with the evidence for the likeliest class laid over it. */
  readonly evidence: Picture;
  /** Whose output the evidence was read from. */
  readonly layer: string;
  /** Of the last layer of each block, from the input up. */
  readonly maps: readonly FeatureMaps[];
}

export type KeepFormat = "keras" | "onnx" | "tfjs" | "safetensors";

export interface KeptFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface StudioMethods {
  open(seed: number): Promise<Opened>;
  /** A step with these layers frozen. */
  plan(frozen: readonly string[], batchSize: number): Promise<StepPlan>;
  /** The same as a file, every dispatch in it. */
  planFile(frozen: readonly string[], batchSize: number): Promise<string>;
  train(phase: Phase, settings: Settings, frozen: readonly string[]): Promise<RunEnd>;
  /** Takes effect at the end of the epoch. */
  pause(on: boolean): void;
  stop(): void;
  /** Puts back the weights of the last training's best epoch. */
  undo(): Promise<void>;
  results(settings: Settings): Promise<Results>;
  predict(image: Blob): Promise<Prediction>;
  save(format: KeepFormat): Promise<readonly KeptFile[]>;
  loadNetwork(files: readonly File[], seed: number): Promise<Opened>;
  loadImages(files: readonly { readonly path: string; readonly file: File }[], seed: number): Promise<Opened>;
  removeImage(index: number): Promise<Opened>;
  embedded(seed: number): Promise<Opened>;
}
