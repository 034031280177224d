/** Pixels of the embedded data set, in Node (pngjs) and in a page (canvas). */
import { readBytes, readJson } from "../setup/files";

interface SpriteJson {
  readonly tile: { readonly width: number; readonly height: number; readonly columns: number };
}

/** [tiles, 32, 32, 3] bytes of the given tiles of assets/cats_dogs.png. */
export async function readTiles(tiles: readonly number[]): Promise<Uint8Array> {
  const meta = (await readJson("assets/cats_dogs.json")) as SpriteJson;
  const { width, height, columns } = meta.tile;
  const { pixels, stride } = await decode();
  const result = new Uint8Array(tiles.length * width * height * 3);
  tiles.forEach((tile, i) => {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = ((Math.floor(tile / columns) * height + y) * stride + (tile % columns) * width + x) * 4;
        const to = ((i * height + y) * width + x) * 3;
        for (let c = 0; c < 3; c++) result[to + c] = pixels[from + c]!;
      }
    }
  });
  return result;
}

let decoded: Promise<{ pixels: Uint8Array | Uint8ClampedArray; stride: number }> | undefined;

function decode() {
  decoded ??= (async () => {
    const bytes = await readBytes("assets/cats_dogs.png");
    if (typeof createImageBitmap === "function") {
      const bitmap = await createImageBitmap(new Blob([bytes]), {
        colorSpaceConversion: "none",
        premultiplyAlpha: "none",
      });
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true })!;
      context.drawImage(bitmap, 0, 0);
      return { pixels: context.getImageData(0, 0, bitmap.width, bitmap.height).data, stride: bitmap.width };
    }
    const { PNG } = await import("pngjs");
    const png = PNG.sync.read(Buffer.from(bytes));
    return { pixels: new Uint8Array(png.data), stride: png.width };
  })();
  return decoded;
}
