/** The larger files of other writers, as a user of a page would hand them over. */
import { readShared } from "../../setup/files";

/** Files of the shared collection with their names. */
export async function sharedFiles(folder: string, names: readonly string[]): Promise<File[]> {
  const bytes = await Promise.all(names.map((name) => readShared(`${folder}/${name}`)));
  return bytes.map((b, i) => new File([b], names[i].split("/").at(-1)!));
}

/** MobileNet v1 in TF.js's format: model.json and 55 shards. */
export async function mobilenetTfjs(): Promise<File[]> {
  const shards = Array.from({ length: 55 }, (_, i) => `mobilenet_group${i + 1}-shard1of1`);
  return sharedFiles("models/mobilenet_v1_0.25_224_tfjs", ["mobilenet_model.json", ...shards]);
}

export const missingShared = "the files of other writers are not beside this checkout; their tests are left out";
