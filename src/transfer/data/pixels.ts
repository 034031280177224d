/** Images of all kinds as pixels: the browser decodes; in Node the caller does. */
import { ThawError } from "../../errors";
import type { Rgb } from "../../kernels/resizeImages/resizeImages";
import type { PlainImage } from "./resize";

/**
 * What an image can be: pixels (also `ImageData`), an encoded file (`Blob`, `File`, bytes of one), or, in a browser, anything that can be drawn.
 * An `HTMLImageElement` is waited for; a `VideoFrame` and an `ImageBitmap` stay the caller's to close.
 */
export type ImageSource =
  | PlainImage
  | Blob
  | Uint8Array
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLVideoElement
  | VideoFrame;

/** Decodes a file, e.g. with pngjs, jpeg-js or sharp. It throws for what it cannot read. */
export type Decode = (bytes: Uint8Array<ArrayBuffer>, name: string) => PlainImage | Promise<PlainImage>;

export interface PixelOptions {
  /** Reads files instead of the browser, e.g. of formats that it does not know; Node has no decoder of its own. */
  readonly decode?: Decode;
  /** What shows through transparent pixels; default white. */
  readonly background?: Rgb;
}

type Drawable = Exclude<ImageSource, PlainImage | Blob | Uint8Array>;

export const hasDecoder = (): boolean => typeof createImageBitmap === "function";

/** Throws where files cannot be decoded at all. */
export function checkDecoder(who: string, { decode }: PixelOptions): void {
  if (decode || hasDecoder()) return;
  throw new ThawError(
    who,
    "there is no image decoder here",
    "the option decode(bytes, name) => { data, width, height }",
    "With pngjs: decode: (bytes) => PNG.sync.read(Buffer.from(bytes)).",
  );
}

/**
 * The pixels of an image in sRGB, the way up that its EXIF orientation says, and as large as it is.
 *
 * @throws for what does not decode, has no pixels yet, or may not be read (images of other origins without CORS).
 */
export async function pixelsOf(source: ImageSource, name: string, options: PixelOptions): Promise<PlainImage> {
  if (isPlain(source)) return source;
  const file = typeof Blob !== "undefined" && source instanceof Blob;
  if (file || source instanceof Uint8Array) {
    if (options.decode) {
      const bytes = file ? new Uint8Array(await source.arrayBuffer()) : (source as Uint8Array<ArrayBuffer>);
      const image = await options.decode(bytes, name);
      if (!isPlain(image)) throw new ThawError(name, "decode gave no image", "{ data, width, height }");
      return image;
    }
    checkDecoder(name, options);
    return await decoded(file ? source : new Blob([source as Uint8Array<ArrayBuffer>]), name, options);
  }
  const drawable = source as Drawable;
  if (typeof HTMLImageElement !== "undefined" && drawable instanceof HTMLImageElement) await drawable.decode();
  return draw(drawable, name, options);
}

async function decoded(file: Blob, name: string, options: PixelOptions): Promise<PlainImage> {
  try {
    // Colours of other profiles are converted to sRGB; alpha is dealt with when the bitmap is drawn.
    const bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "default",
      premultiplyAlpha: "default",
    });
    try {
      return draw(bitmap, name, options);
    } finally {
      bitmap.close();
    }
  } catch (error) {
    // Firefox refuses photographs that EXIF data turn on their side, but shows them as elements.
    if (typeof Image === "undefined") throw error;
    const element = new Image();
    element.src = URL.createObjectURL(file);
    try {
      await element.decode().catch(() => {
        throw error;
      });
      return draw(element, name, options);
    } finally {
      URL.revokeObjectURL(element.src);
    }
  }
}

const isPlain = (source: unknown): source is PlainImage => {
  const { data, width, height } = source as Partial<PlainImage>;
  const pixels = data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Float32Array;
  return pixels && typeof width === "number" && typeof height === "number";
};

function sizeOf(source: Drawable): [number, number] {
  if ("naturalWidth" in source) return [source.naturalWidth, source.naturalHeight];
  if ("videoWidth" in source) return [source.videoWidth, source.videoHeight];
  if ("displayWidth" in source) return [source.displayWidth, source.displayHeight];
  return [source.width, source.height];
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

let shared: Context | undefined;

/** One for all, as pixels are drawn and read in one go. */
function contextOf(): Context {
  if (shared) return shared;
  const canvas = typeof OffscreenCanvas === "undefined" ? document.createElement("canvas") : new OffscreenCanvas(1, 1);
  // Read back each time: a canvas in the GPU's memory would be slower.
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new ThawError("pixelsOf", "the browser gives no 2D canvas", "a canvas to draw images on");
  return (shared = context);
}

function draw(source: Drawable, name: string, { background = [255, 255, 255] }: PixelOptions): PlainImage {
  const [width, height] = sizeOf(source);
  if (!(width > 0 && height > 0))
    throw new ThawError(name, `it has ${width} x ${height} pixels`, "an image that has been loaded");
  const context = contextOf();
  const { canvas } = context;
  canvas.width = width; // clears it
  canvas.height = height;
  context.fillStyle = `rgb(${background.join(" ")})`;
  context.fillRect(0, 0, width, height);
  try {
    context.drawImage(source, 0, 0, width, height);
    return { data: context.getImageData(0, 0, width, height).data, width, height };
  } catch (error) {
    if ((error as Error).name !== "SecurityError") throw error;
    throw new ThawError(
      name,
      "the browser does not let its pixels be read",
      "an image of this page's origin",
      'Load it with crossOrigin = "anonymous" from a server that allows it.',
    );
  } finally {
    canvas.width = canvas.height = 1; // gives its memory back
  }
}
