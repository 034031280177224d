/** The lesson's data set from assets/. */
import fs from "node:fs";
import { PNG } from "pngjs";
import { decodeDataset, type CatsAndDogs, type CatsDogsJson } from "../../examples/cats-vs-dogs";
import { assetPath } from "./files";

export function readCatsAndDogs(): CatsAndDogs {
  const meta = JSON.parse(fs.readFileSync(assetPath("cats_dogs.json"), "utf8")) as CatsDogsJson;
  const { data } = PNG.sync.read(fs.readFileSync(assetPath("cats_dogs.png")));
  return decodeDataset(meta, data, 4);
}
