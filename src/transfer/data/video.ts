/** Frames of a camera or a film as samples, taken while a button is held. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { datasetFromTensors, type LabelledDataset } from "./labelled";
import { pixelsOf } from "./pixels";
import { resizeImages, type PlainImage, type ResizeOptions } from "./resize";
import { sizeOption } from "./samples";

export interface VideoOptions extends ResizeOptions {
  /** Rows and columns of a sample; a number for both. */
  readonly size: number | readonly [number, number];
  /** In the order of their ids. Default: as they are first started. */
  readonly classNames?: readonly string[];
  /** Frames of a class at most; taking frames pauses there. Default: no limit but memory. */
  readonly maxPerClass?: number;
  /** Called when frames have become samples. */
  readonly onFrames?: (counts: Readonly<Record<string, number>>) => void;
}

const who = "VideoCapture";
/** Frames that are resized together, and the most that wait for it. */
const groupFrames = 8;
const haveCurrentData = 2; // HTMLMediaElement.HAVE_CURRENT_DATA

interface Frame {
  readonly className: string;
  readonly image: PlainImage;
}

/**
 * Takes frames of a playing video. `start` while a button goes down, `stop` when it is let go, `dataset` at the end.
 *
 * @example
 * const capture = await datasetFromVideo(gpu, await navigator.mediaDevices.getUserMedia({ video: true }), { size: 224 });
 * button.onpointerdown = () => capture.start("rock");
 * button.onpointerup = () => capture.stop();
 */
export class VideoCapture {
  readonly #size: readonly [number, number];
  readonly #samples = new Map<string, Uint8Array[]>();
  #taken: Record<string, number> = {};
  #waiting: Frame[] = [];
  #resizing: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #className: string | undefined;
  /** Counts calls of start and stop, by which a loop notices that it is over. */
  #session = 0;
  #lastTime = -1; // seconds
  #error: unknown;

  constructor(
    private readonly gpu: Gpu,
    readonly video: HTMLVideoElement,
    private readonly options: VideoOptions,
    private readonly release: () => void = () => {},
  ) {
    this.#size = sizeOption(who, options.size);
    const { maxPerClass = 1 } = options;
    if (!(maxPerClass >= 1)) throw new ThawError(who, `maxPerClass ${maxPerClass}`, "a whole number from 1");
    for (const name of options.classNames ?? []) this.#samples.set(name, []);
  }

  /** The class whose frames are being taken. */
  get recording(): string | undefined {
    return this.#className;
  }

  /** Samples of each class so far, without frames that wait to be resized. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#samples].map(([name, list]) => [name, list.length]));
  }

  /**
   * Takes frames for a class from now on; one that is being taken ends.
   *
   * @param fps frames a second, default 10: neighbours at a camera's full rate are nearly the same picture. A frame is never taken twice.
   * @throws for a class that `classNames` does not have.
   */
  start(className: string, { fps = 10 }: { readonly fps?: number } = {}): void {
    if (!(fps > 0 && fps <= 120)) throw new ThawError(who, `${fps} frames a second`, "more than 0, at most 120");
    if (!this.#samples.has(className)) {
      if (this.options.classNames)
        throw new ThawError(who, `class "${className}"`, `one of ${this.options.classNames.join(", ")}`);
      this.#samples.set(className, []);
    }
    this.#end();
    this.#className = className;
    const session = this.#session;
    const tick = async () => {
      const began = performance.now();
      try {
        await this.#take(className);
      } catch (error) {
        this.#error ??= error;
        if (session === this.#session) this.#end();
      }
      if (session !== this.#session) return;
      this.#timer = setTimeout(() => void tick(), Math.max(0, 1000 / fps - (performance.now() - began)));
    };
    this.#timer = setTimeout(() => void tick(), 0);
  }

  /** @returns when all frames taken so far are samples. @throws what went wrong since the last call. */
  async stop(): Promise<void> {
    this.#end();
    await this.#resizeWaiting();
    if (this.#error === undefined) return;
    const error = this.#error;
    this.#error = undefined;
    throw error;
  }

  /**
   * All samples so far, class by class; more can be taken afterwards.
   *
   * @throws with fewer than two classes, and for a class without frames.
   */
  async dataset(): Promise<LabelledDataset> {
    await this.#resizeWaiting();
    const names = [...this.#samples.keys()];
    const lists = [...this.#samples.values()];
    const empty = lists.findIndex((list) => list.length === 0);
    if (empty >= 0)
      throw new ThawError(
        who,
        `the class "${names[empty]}" has no frames`,
        "at least one",
        `Call start("${names[empty]}").`,
      );
    if (names.length < 2) throw new ThawError(who, `${names.length} classes with frames`, "two or more");
    const sample = 3 * this.#size[0] * this.#size[1];
    const x = new Uint8Array(lists.reduce((sum, list) => sum + list.length, 0) * sample);
    lists.flat().forEach((bytes, i) => x.set(bytes, i * sample));
    const y = lists.flatMap((list, id) => list.map(() => id));
    return datasetFromTensors(x, y, { shape: [...this.#size, 3], classNames: names });
  }

  /** Ends taking frames, forgets the samples, and lets go of a video element that was made for a stream. */
  dispose(): void {
    this.#end();
    this.#waiting = [];
    this.#samples.clear();
    this.release();
  }

  #end(): void {
    this.#session++;
    this.#className = undefined;
    clearTimeout(this.#timer);
  }

  async #take(className: string): Promise<void> {
    const { video } = this;
    const full = (this.#taken[className] ?? 0) >= (this.options.maxPerClass ?? Infinity);
    if (full || video.readyState < haveCurrentData || video.currentTime === this.#lastTime) return;
    this.#lastTime = video.currentTime;
    const image = await pixelsOf(video, "the video", this.options);
    this.#taken[className] = (this.#taken[className] ?? 0) + 1;
    this.#waiting.push({ className, image });
    if (this.#waiting.length >= groupFrames) await this.#resizeWaiting();
  }

  #resizeWaiting(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    const before = this.#resizing;
    const resizing = (async () => {
      await before;
      if (group.length === 0) return;
      const images = group.map((frame) => frame.image);
      const bytes = await resizeImages(this.gpu, images, this.#size, this.options);
      const sample = bytes.length / group.length;
      group.forEach(({ className }, i) =>
        this.#samples.get(className)?.push(bytes.slice(i * sample, (i + 1) * sample)),
      );
      this.options.onFrames?.(this.counts);
    })();
    this.#resizing = resizing.catch(() => {}); // the caller's to report; later groups go on
    return resizing;
  }
}

/**
 * Prepares a camera's stream, or a video element that plays, for taking frames. The stream's tracks stay the caller's to stop.
 *
 * @throws where there are no videos (Node), and when the stream does not play.
 */
export async function datasetFromVideo(
  gpu: Gpu,
  source: HTMLVideoElement | MediaStream,
  options: VideoOptions,
): Promise<VideoCapture> {
  if (typeof HTMLVideoElement === "undefined")
    throw new ThawError(
      "datasetFromVideo",
      "there are no videos here",
      "a browser",
      "Pass frames to datasetFromImages.",
    );
  if (source instanceof HTMLVideoElement) return new VideoCapture(gpu, source, options);
  if (!source.getVideoTracks().some((track) => track.readyState === "live"))
    throw new ThawError("datasetFromVideo", "a stream without a live video track", "one of a camera or canvas");
  const video = document.createElement("video");
  video.muted = true; // or browsers do not let it play by itself
  video.playsInline = true;
  video.srcObject = source;
  await video.play();
  return new VideoCapture(gpu, video, options, () => {
    video.pause();
    video.srcObject = null;
  });
}
