/** Images of any size to bytes of one size, on the GPU. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { alignBytes } from "../../gpu/memory";
import { Recording, type BufferRange, type DispatchRequest } from "../../gpu/recorder";
import { describeLaunch, loadPrograms } from "../../kernels/kernel";
import { resizeImagesOperation, type ResizeImagesAttrs, type Rgb } from "../../kernels/resizeImages/resizeImages";
import { adapterTraits } from "../../nn/adapter-traits";
import { readBuffer } from "../../nn/device-state";

/** Pixels in rows from the top: what `ImageData`, pngjs and sharp's raw output look like. */
export interface PlainImage {
  /**
   * Bytes: 4 (red, green, blue, alpha, not premultiplied), 3 or 1 (grey) a pixel. Float32Array: 3 or 1 a pixel, from 0 to 255.
   * How many is told by the length.
   */
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
  readonly width: number;
  readonly height: number;
}

export interface ResizeOptions {
  /** Default "bilinear", as Keras. Pixels have half-pixel centres. */
  readonly interpolation?: "bilinear" | "nearest";
  /**
   * Takes all pixels into account where an image shrinks, as `tf.image.resize(antialias=True)` and Pillow. Default true: without it
   * most pixels of a photograph are never looked at, and what is left flickers with its place. Keras's
   * `image_dataset_from_directory` has it off. "nearest" never has it.
   */
  readonly antialias?: boolean;
  /** Takes the largest centred part of the image that has the shape of `size`. Default false: images are stretched. */
  readonly cropToAspectRatio?: boolean;
  /** Keeps the shape of the image and puts `padColor` at two sides. Default false. */
  readonly padToAspectRatio?: boolean;
  /** Default black, as Keras. */
  readonly padColor?: Rgb;
  /** What shows through transparent pixels. Default white: alpha is not dropped, as the colour beneath it is arbitrary. */
  readonly background?: Rgb;
}

/** GPU memory for images that wait to be resized; one larger image goes alone. */
const batchBytes = 32 * 2 ** 20;
const storage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC
const who = "resizeImages";

/**
 * Resizes images to `[count, height, width, 3]` bytes, rounded to the nearest.
 *
 * @param size rows and columns
 * @throws for data that does not fit width and height, a size that is not whole, and both aspect ratio options.
 */
export async function resizeImages(
  gpu: Gpu,
  images: readonly PlainImage[],
  size: readonly [number, number],
  options: ResizeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const jobs = images.map((image, i) => jobOf(image, i, size, options));
  const sample = 3 * size[0] * size[1];
  const result = new Uint8Array(images.length * sample);
  for (let first = 0; first < jobs.length;) {
    let last = first;
    for (let bytes = 0; last < jobs.length && (last === first || bytes + jobs[last].bytes <= batchBytes); last++)
      bytes += jobs[last].bytes;
    await resizeBatch(gpu, jobs.slice(first, last), sample, result.subarray(first * sample, last * sample));
    first = last;
  }
  return result;
}

interface Job {
  readonly image: PlainImage;
  readonly attrs: ResizeImagesAttrs;
  readonly shape: readonly number[];
  /** On the GPU, aligned. */
  readonly bytes: number;
}

function jobOf(image: PlainImage, i: number, size: readonly [number, number], options: ResizeOptions): Job {
  const { interpolation = "bilinear", antialias = true, padColor = [0, 0, 0], background = [255, 255, 255] } = options;
  const { data, width, height } = image;
  const floats = data instanceof Float32Array;
  const channels = data.length / (width * height);
  if (![width, height].every((n) => Number.isInteger(n) && n > 0) || !(floats ? [1, 3] : [1, 3, 4]).includes(channels))
    throw new ThawError(
      who,
      `image ${i} has ${data.length} ${floats ? "numbers" : "bytes"} for ${width} x ${height} pixels`,
      floats ? "1 or 3 numbers a pixel" : "1, 3 or 4 bytes a pixel",
    );
  if (!["bilinear", "nearest"].includes(interpolation))
    throw new ThawError(who, `interpolation "${interpolation}"`, '"bilinear" or "nearest"');
  const attrs: ResizeImagesAttrs = {
    size,
    method: interpolation === "bilinear" && antialias ? "antialias" : interpolation,
    format: floats ? "float32" : "rgba8",
    ...placesOf(image, size, options),
    background,
    pad: padColor,
    bytes: true,
  };
  const shape = floats ? [height, width, 3] : [height, width];
  resizeImagesOperation.shapes(attrs, { image: shape });
  return { image, attrs, shape, bytes: alignBytes(width * height * (floats ? 12 : 4)) };
}

/**
 * Which part of the image goes where in the result, in whole pixels as Keras finds them: cropping by `smart_resize`, padding by
 * `tf.image.resize_with_pad` (but without its float32 division, which leaves the longer side a pixel short at some sizes).
 */
function placesOf(
  { width, height }: PlainImage,
  [rows, columns]: readonly [number, number],
  { cropToAspectRatio = false, padToAspectRatio = false }: ResizeOptions,
): Pick<ResizeImagesAttrs, "frame" | "box"> {
  if (cropToAspectRatio && padToAspectRatio)
    throw new ThawError(who, "cropToAspectRatio and padToAspectRatio", "one of them");
  if (cropToAspectRatio) {
    const h = Math.max(1, Math.min(height, Math.floor((width * rows) / columns)));
    const w = Math.max(1, Math.min(width, Math.floor((height * columns) / rows)));
    const frame = [Math.floor((height - h) / 2), Math.floor((width - w) / 2), h, w] as const;
    return { frame, box: [0, 0, rows, columns] };
  }
  const frame = [0, 0, height, width] as const;
  if (!padToAspectRatio) return { frame, box: [0, 0, rows, columns] };
  const wide = width * rows >= height * columns; // what is left over is above and below
  const h = wide ? (height * columns) / width : rows;
  const w = wide ? columns : (width * rows) / height;
  const [top, left] = [Math.floor((rows - h) / 2), Math.floor((columns - w) / 2)];
  return { frame, box: [top, left, Math.max(1, Math.floor(h)), Math.max(1, Math.floor(w))] };
}

async function resizeBatch(gpu: Gpu, jobs: readonly Job[], sample: number, into: Uint8Array): Promise<void> {
  const traits = adapterTraits(gpu);
  const lowerings = jobs.map(({ attrs, shape }) =>
    resizeImagesOperation.variants.plain(attrs, { image: [...shape] }, traits),
  );
  await loadPrograms(lowerings.flatMap((l) => l.dispatches));
  const pixels = new Uint8Array(jobs.reduce((sum, j) => sum + j.bytes, 0));
  const outputBytes = alignBytes(sample);
  const betweenBytes = alignBytes(4 * Math.max(...lowerings.map((l) => l.scratch!.between)));
  const buffers: GPUBuffer[] = [];
  const buffer = (name: string, bytes: number) => {
    buffers.push(gpu.memory.create(`${who} ${name}`, bytes, storage));
    return buffers.at(-1)!;
  };
  let recording: Recording | undefined;
  try {
    const [image, between] = [buffer("pixels", pixels.length), buffer("between", betweenBytes)];
    const y = buffer("result", jobs.length * outputBytes);
    let offset = 0;
    const requests = jobs.flatMap((job, i): DispatchRequest[] => {
      write(job.image, pixels.subarray(offset, offset + job.bytes));
      const ranges = new Map<string, BufferRange>([
        ["image", { buffer: image, offset, size: job.bytes }],
        ["between", { buffer: between, offset: 0, size: betweenBytes }],
        ["y", { buffer: y, offset: i * outputBytes, size: outputBytes }],
      ]);
      offset += job.bytes;
      return lowerings[i].dispatches.map((d) => ({ label: who, ...describeLaunch(d), ranges }));
    });
    gpu.memory.write(image, 0, pixels);
    recording = await Recording.create(gpu, requests, who);
    const encoder = gpu.device.createCommandEncoder();
    recording.encode(encoder);
    gpu.submit([encoder.finish()]);
    const bytes = new Uint8Array((await readBuffer(gpu, y)).buffer);
    gpu.throwErrors();
    jobs.forEach((_, i) => into.set(bytes.subarray(i * outputBytes, i * outputBytes + sample), i * sample));
  } finally {
    recording?.dispose();
    for (const b of buffers) gpu.memory.destroy(b);
  }
}

/** Pixels as the kernel reads them: four bytes each, or three f32. */
function write({ data, width, height }: PlainImage, into: Uint8Array): void {
  const count = width * height;
  const channels = data.length / count;
  if (data instanceof Float32Array) {
    const floats = new Float32Array(into.buffer, into.byteOffset, 3 * count);
    if (channels === 3) floats.set(data);
    else for (let i = 0; i < count; i++) floats.fill(data[i], 3 * i, 3 * i + 3);
    return;
  }
  if (channels === 4) {
    into.set(data);
    return;
  }
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) into[4 * i + c] = data[channels * i + (channels === 3 ? c : 0)];
    into[4 * i + 3] = 255;
  }
}
