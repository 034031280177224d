/** What a configuration lists: layers, models inside and operations, with their calls, before either dialect writes them. */
import type { Layer, SampleShape } from "../../../nn/layer";

/** 3: Keras 3; "h5": legacy files of Keras 3, which have no modules, and so no operations; 2: Keras 2 and TF.js. */
export type SaveDialect = 2 | "h5" | 3;

type Json = Readonly<Record<string, unknown>>;

/** One output of one call of an entry, counted from 0. */
export interface Reference {
  readonly entry: Entry;
  readonly call: number;
  readonly output: number;
  readonly shape: SampleShape;
}

/** An argument that is no tensor: a number, or what Keras writes for an array, a slice. */
export interface Constant {
  readonly constant: unknown;
}

export interface Call {
  readonly inputs: readonly (Reference | Constant)[];
  /** Layers of several inputs take them as one list. */
  readonly asList: boolean;
  readonly training?: boolean;
}

export interface Entry {
  readonly name: string;
  readonly className: string;
  /** Python module, for Keras 3. */
  readonly module: string | null;
  readonly registeredName: string | null;
  /** Keys as Keras has them; a model's is made of `model`. */
  readonly config: Json;
  readonly trainable: boolean;
  readonly calls: Call[];
  /** Called as a function: no layer, so that paths of weights do not count it. */
  readonly isOperation: boolean;
  /** The layer whose weights it has. */
  readonly layer?: Layer;
  /** The model that it is. */
  readonly model?: WrittenModel;
  /** Shapes that it was built for, where it has weights. */
  readonly built?: readonly SampleShape[];
}

/** A model as it is written. */
export interface WrittenModel {
  readonly className: "Functional" | "Sequential";
  readonly name: string;
  readonly trainable: boolean;
  readonly entries: readonly Entry[];
  readonly inputs: readonly Reference[];
  readonly outputs: readonly Reference[];
}
