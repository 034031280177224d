/** The lesson's data set in a page. */
import { decodeDataset, type CatsAndDogs, type CatsDogsJson } from "./cats-vs-dogs";

/** @param picture the bytes of assets/cats_dogs.png */
export async function readSprite(meta: CatsDogsJson, picture: Blob): Promise<CatsAndDogs> {
  // Neither colour management nor alpha may change a value: the numbers are compared with those of other platforms.
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return decodeDataset(meta, context.getImageData(0, 0, width, height).data, 4);
}
