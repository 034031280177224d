/** Keras 3's weights in several files: an index `.weights.json` that says in which shard each layer's variables are. */
import { ThawError } from "../../errors";
import { openHdf5, type Hdf5File } from "../hdf5";
import { isObject, shown, type Json } from "../json";
import type { OpenedSource } from "../source";
import type { KerasWeightFile } from "./weights";

/** @throws for an index without a weight_map, and for shards that are missing or damaged. */
export async function openShards(source: OpenedSource, json: Json): Promise<KerasWeightFile & { close(): void }> {
  const map = json.weight_map;
  if (!isObject(map))
    throw new ThawError(
      source.name,
      "is a JSON file of an unknown kind",
      "weight_map, modelTopology or weightsManifest",
    );
  const names = Object.values(map).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]));
  const wrong = names.findIndex((name) => typeof name !== "string");
  if (wrong >= 0 || names.length === 0)
    throw new ThawError(source.name, `its weight_map refers to ${shown(names[wrong])}`, "names of shards");
  const shards: Hdf5File[] = [];
  const close = () => shards.forEach((shard) => shard.close());
  try {
    for (const name of new Set(names as string[])) {
      shards.push(await openHdf5(`${source.name}: ${name}`, await source.sibling(name)));
    }
  } catch (error) {
    close();
    throw error;
  }
  const owner = new Map(shards.flatMap((shard) => shard.paths.map((path) => [path, shard] as const)));
  return {
    paths: [...owner.keys()],
    shape: (path) => owner.get(path)?.shape(path),
    get: (path) => owner.get(path)?.get(path),
    attribute: (group, name) => {
      for (const shard of shards) {
        const value = shard.attribute(group, name);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    close,
  };
}
