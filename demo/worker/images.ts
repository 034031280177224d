/** Images at the size that the network takes: the embedded ones, or a visitor's files. */
import type { Gpu } from "../../src/index";
import { datasetFromFiles, resizeImages, split, type LabelledDataset } from "../../src/transfer/index";
import { embeddedImages } from "./embedded";
import type { Parts } from "./parts";

/** A visitor's files with their folders in front; a ZIP may be the only one. */
export type OwnImages = readonly { readonly path: string; readonly file: File }[];

/** Of a visitor's images, those that are measured on. */
const validationShare = 0.25;

/** @param own undefined for the embedded set. @param size height and width. */
export async function imagesOf(
  gpu: Gpu,
  own: OwnImages | undefined,
  size: readonly [number, number],
  seed: number,
): Promise<Parts> {
  if (!own) return await resized(gpu, await embeddedImages(), size);
  const data = await datasetFromFiles(gpu, own, { size });
  const [training, validation] = split<LabelledDataset>(data, {
    fractions: [1 - validationShare, validationShare],
    seed,
  });
  return { own: true, training, validation, skipped: data.skipped };
}

async function resized(gpu: Gpu, parts: Parts, size: readonly [number, number]): Promise<Parts> {
  const [height, width] = parts.training.shape;
  if (height === size[0] && width === size[1]) return parts;
  const each = async (data: LabelledDataset): Promise<LabelledDataset> => {
    const sample = height * width * 3;
    const bytes = data.x as Uint8Array;
    const images = Array.from(data.y, (_, i) => ({
      data: bytes.subarray(i * sample, (i + 1) * sample),
      width,
      height,
    }));
    return { ...data, x: await resizeImages(gpu, images, size), shape: [...size, 3] };
  };
  return { ...parts, training: await each(parts.training), validation: await each(parts.validation) };
}
