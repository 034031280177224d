/** Hands a saved model to Keras (tools/interop_export_keras.py): the files, and what they should hold. */
import fs from "node:fs";
import path from "node:path";
import { writeKeras, writeKerasWeights, writeLegacyModel } from "../../../src/loaders/keras/save/keras-file";
import { shapeInKeras, writtenLayers } from "../../../src/loaders/keras/save/written-weights";
import { writtenModel } from "../../../src/loaders/keras/save/written-model";
import type { TrainedWith } from "../../../src/loaders/saved-file";
import { InputLayer } from "../../../src/nn/layers/input";
import { Container } from "../../../src/nn/model";
import type { Place } from "../../support/fixtures";
import { readGoldenFile, type Golden } from "./golden";
import type { Maker } from "./maker";

/** Samples of a training step, and their class ids. */
export interface Batch {
  readonly x: Float32Array;
  readonly y: readonly number[];
}

export interface Given {
  readonly model: Container;
  readonly x: Float32Array;
  /** Keras trains on these after loading. */
  readonly batches?: readonly Batch[];
  readonly trained?: TrainedWith | undefined;
  /** Whether a legacy file can say it; default true. */
  readonly legacy?: boolean;
}

export interface Checked {
  readonly differences: readonly string[];
  readonly legacyDifferences?: readonly string[];
  readonly weightsDifferences: readonly string[];
  readonly flags: readonly (readonly [string, boolean])[];
  readonly output: Place;
  readonly iterations?: number;
  readonly losses?: readonly number[];
}

/** The same list as the script makes of Keras's layers. */
export function flagsOf(model: Container): [string, boolean][] {
  const inside = model.layers.flatMap((layer) => (layer instanceof Container ? layer.layers : [layer]));
  return inside
    .filter((l) => !(l instanceof InputLayer || l instanceof Container) && l.className !== "SpatialDropout2D")
    .map((layer): [string, boolean] => [layer.name, layer.trainable])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Floats one after the other, as readGoldenFile reads them. */
class TensorFile {
  readonly #parts: Float32Array[] = [];
  #floats = 0;

  add(data: Float32Array, shape: readonly number[]): Place {
    this.#parts.push(data);
    this.#floats += data.length;
    return { shape: [...shape], offset: this.#floats - data.length };
  }

  write(file: string): void {
    fs.writeFileSync(file, Buffer.concat(this.#parts.map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength))));
  }
}

/** Writes the model in all of Keras's formats and has Keras read them. */
export async function checkInKeras(
  maker: Maker,
  name: string,
  given: Given,
): Promise<Golden<Checked> & { readonly stem: string }> {
  const { model, x, batches, trained, legacy = true } = given;
  const folder = process.env.THAW_INTEROP_FILES ?? "";
  fs.mkdirSync(folder, { recursive: true });
  const request = `check-keras:${name}`;
  const stem = path.join(folder, request.replace(/[^a-z0-9_]/g, "-"));
  for (const end of ["json", "bin"]) fs.rmSync(`${stem}.${end}`, { force: true });
  fs.writeFileSync(`${stem}.keras`, await writeKeras(model, { trained }));
  fs.writeFileSync(`${stem}.weights.h5`, await writeKerasWeights(model));
  if (legacy) fs.writeFileSync(`${stem}.h5`, await writeLegacyModel(model, { trained }));
  const tensors = new TensorFile();
  const shape = (data: Float32Array) => [
    data.length / model.inputShape.reduce((a, b) => a * b, 1),
    ...model.inputShape,
  ];
  const weights = writtenLayers(writtenModel(model, 3))
    .filter(({ parameters }) => parameters.length > 0)
    .map(({ names, parameters, entry }) => ({
      names,
      places: parameters.map((p) => tensors.add(p.value, shapeInKeras(entry, p))),
    }));
  const json = {
    weights,
    input: tensors.add(x, shape(x)),
    legacy,
    ...(batches && { batches: batches.map((b) => tensors.add(b.x, shape(b.x))), labels: batches.map((b) => b.y) }),
  };
  tensors.write(`${stem}.given.bin`);
  fs.writeFileSync(`${stem}.given.json`, JSON.stringify(json));
  return { ...readGoldenFile<Checked>(await maker.make(request)), stem };
}
