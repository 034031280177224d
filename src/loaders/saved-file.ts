/** What saving makes: one file, or several that belong together. */
import type { CompiledWith, TrainingState } from "../nn/trainer";

/**
 * "keras": Keras 3's `.keras`; "weights.h5": Keras 3's weights alone; "h5": a legacy model of Keras 2 and 3; "onnx"; "tfjs": a layers-model,
 * `model.json` with its shards; "safetensors": weights alone.
 */
export type SaveFormat = "keras" | "weights.h5" | "h5" | "onnx" | "tfjs" | "safetensors";

/** A file that is ready to be written. */
export interface SavedFile {
  /** Without folders, e.g. "model.json". */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** How the model was compiled and where its training stands, for formats that can hold it. */
export interface TrainedWith {
  readonly compiled: CompiledWith;
  readonly state: TrainingState;
}
