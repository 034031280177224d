/** Saving models: which files, in which format, to where. What formats and places need is loaded when it is asked for. */
import type { Container } from "../nn/model";
import type { SavedFile, SaveFormat } from "./saved-file";

/**
 * Where a model goes:
 *
 * - a name or path whose ending tells the format: `.keras`, `.weights.h5`, `.h5`, `.onnx`, `.safetensors`, or `.json` for TF.js's
 *   model.json with its shards beside it. In Node it is written, in a page downloaded;
 * - a `file:` URL, in Node;
 * - what `showSaveFilePicker()` gives, or `showDirectoryPicker()` for several files;
 * - a format's bare name, such as "keras": then nothing is written, and the files are in the answer.
 */
export type SaveTarget = string | URL | FileSystemFileHandle | FileSystemDirectoryHandle;

export interface SaveOptions {
  /** For names whose ending tells nothing, and for folders; default there: "tfjs". */
  readonly format?: SaveFormat;
  /**
   * Adds how the model was compiled and what its optimizer keeps, so that Keras goes on training where Thaw stopped. For `.keras` and
   * `.h5`, and compiled models. Default false.
   */
  readonly optimizer?: boolean;
  /** Writes weights that are NaN or infinite too, which are refused otherwise. */
  readonly allowNonFinite?: boolean;
  /** In Node, for paths: false refuses to replace a file that is there. Default true. */
  readonly overwrite?: boolean;
  /** Ends saving with the signal's reason; nothing is left of it then. */
  readonly signal?: AbortSignal;
  /** For ONNX alone. */
  readonly onnx?: {
    /** How images go in and come out; default "NCHW", as ONNX's own operators take them. */
    readonly layout?: "NHWC" | "NCHW";
    /** Takes batch normalizations into the weights before them. Default false. */
    readonly foldBatchNormalization?: boolean;
    /** Puts what `model.preprocessing` says in front, so that the network takes pixels. Default false. */
    readonly preprocessing?: boolean;
  };
}

/**
 * Saves a model for Keras, ONNX Runtime, TF.js, or anything that reads safetensors. Weights are written bit for bit, and the same model
 * gives the same bytes. Of a compiled model the weights are read back from the GPU first.
 *
 * Nothing is written before all bytes are there, and a file takes its name when it is complete: a full disk, an error or an abort leaves
 * neither a part of a file nor a temporary one, and a file that was there before stays as it was. How far that holds for the several
 * files of TF.js is said in targets/disk.ts and targets/handles.ts.
 *
 * @returns the files, also where they were written.
 * @throws ThawError for weights that are not finite, paths or names that collide, what the format cannot say (the layers are named), an
 *   ending that is no format's, and a place that cannot be written to.
 * @example await saveModel(model, "cats-vs-dogs.keras", { optimizer: true });
 * @example await saveModel(model, await showSaveFilePicker({ suggestedName: "cats.onnx" }));
 * @example const [{ bytes }] = await saveModel(model, "safetensors");
 */
export async function saveModel(
  model: Container,
  target: SaveTarget,
  options: SaveOptions = {},
): Promise<readonly SavedFile[]> {
  options.signal?.throwIfAborted();
  const [{ openTarget }, { savedFiles }] = await Promise.all([import("./targets/index"), import("./saved-files")]);
  const { format, name, write } = openTarget(model.name, target, options);
  const files = await savedFiles(model, format, name, options);
  options.signal?.throwIfAborted();
  await write?.(files, options.signal);
  return files;
}
