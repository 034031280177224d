/** Keras's JSON of a model, in the dialect of Keras 3 or of Keras 2 and TF.js. */
import type { SampleShape } from "../../../nn/layer";
import type { Container } from "../../../nn/model";
import type { Call, Constant, Entry, Reference, SaveDialect, WrittenModel } from "./entries";
import { writtenModel } from "./written-model";

export type Json = Record<string, unknown>;

/**
 * The configuration of a model as Keras serialises it: `{ class_name, config }`, in dialect 3 with module and registered name.
 * Layers keep their names (slashes become dots), order, options and `trainable` flags.
 *
 * @param dialect 3: Keras 3, as in `.keras`; "h5": its legacy files; 2: Keras 2, as TF.js reads it.
 * @throws one error that names every layer that the dialect cannot say, and for names that collide.
 */
export function modelConfig(model: Container, dialect: SaveDialect): Json {
  return configOf(writtenModel(model, dialect), dialect);
}

/** The same of a model that is written out already. */
export function configOf(model: WrittenModel, dialect: SaveDialect): Json {
  return new ConfigWriter(dialect).model(model);
}

const withBatch = (shape: SampleShape) => [null, ...shape];

class ConfigWriter {
  constructor(readonly dialect: SaveDialect) {}

  get #modules(): boolean {
    return this.dialect === 3;
  }

  model(model: WrittenModel): Json {
    const isSequential = model.className === "Sequential";
    return this.#serialised(
      {
        className: model.className,
        module: isSequential ? "keras" : "keras.src.models.functional",
        registeredName: isSequential ? null : model.className,
      },
      isSequential ? this.#sequential(model) : this.#functional(model),
    );
  }

  #serialised(
    { className, module, registeredName }: Pick<Entry, "className" | "module" | "registeredName">,
    config: Json,
  ): Json {
    if (!this.#modules) return { class_name: module === null ? registeredName : className, config };
    return { module, class_name: className, config, registered_name: registeredName };
  }

  #sequential(model: WrittenModel): Json {
    return {
      name: model.name,
      trainable: model.trainable,
      ...(this.dialect !== 2 && { dtype: "float32" }),
      layers: model.entries.map((entry) => this.#entry(entry)),
      build_input_shape: withBatch(model.inputs[0].shape),
    };
  }

  #functional(model: WrittenModel): Json {
    // Keras 3 counts a nested functional model's own node here, and nowhere else; Keras 2 counts it everywhere.
    const end = ({ entry, call, output }: Reference) => [
      entry.name,
      call + (entry.model ? this.#ownNodes(entry, true) : 0),
      output,
    ];
    const ends = (list: readonly Reference[]) =>
      list.length === 1 && this.dialect !== 2 ? end(list[0]) : list.map(end);
    return {
      name: model.name,
      trainable: model.trainable,
      layers: model.entries.map((entry) => ({
        ...this.#entry(entry),
        name: entry.name,
        inbound_nodes: entry.calls.map((call) => (this.dialect === 2 ? this.#olderCall(call) : this.#call(call))),
      })),
      input_layers: ends(model.inputs),
      output_layers: ends(model.outputs),
    };
  }

  #ownNodes(entry: Entry, atEnd: boolean): number {
    if (this.dialect === 2) return 1;
    return atEnd && entry.model?.className === "Functional" ? 1 : 0;
  }

  #entry(entry: Entry): Json {
    if (entry.model) return this.model(entry.model);
    const { className, isOperation, built, config } = entry;
    const own = this.#serialised(entry, { ...this.#common(entry), ...config });
    if (!built || isOperation || className === "InputLayer" || !this.#modules) return own;
    const shapes = built.map(withBatch);
    if (className === "MultiHeadAttention") {
      const names = ["query_shape", "value_shape", "key_shape"];
      const shapesByName = Object.fromEntries(shapes.map((shape, i) => [names[i], shape]));
      return { ...own, build_config: { shapes_dict: shapesByName } };
    }
    return { ...own, build_config: { input_shape: shapes.length === 1 ? shapes[0] : shapes } };
  }

  /** What every layer has beside its own options. */
  #common({ name, className, isOperation, trainable }: Entry): Json {
    if (isOperation || className === "InputLayer") return { name };
    // Its constructor takes no `trainable`.
    if (className === "SpatialDropout2D") return { name, dtype: "float32" };
    return { name, trainable, dtype: "float32" };
  }

  /** `{ args, kwargs }` with tensors as objects. */
  #call({ inputs, asList, training }: Call): Json {
    const args = inputs.map((input) => this.#argument(input));
    return { args: asList ? [args] : args, kwargs: training === undefined ? {} : { training } };
  }

  #argument(input: Reference | Constant): unknown {
    if (!("entry" in input)) return input.constant;
    const { entry, call, output, shape } = input;
    const history = [entry.name, call, output];
    return {
      class_name: "__keras_tensor__",
      config: { shape: withBatch(shape), dtype: "float32", keras_history: history },
    };
  }

  /** `[[layer, call, output, kwargs], ...]`. */
  #olderCall({ inputs, training }: Call): unknown[] {
    const kwargs = training === undefined ? {} : { training };
    return inputs.map((input) => {
      if (!("entry" in input)) throw new Error("Keras 2 has no constants among tensors"); // no part of dialect 2 has them
      const { entry, call, output } = input;
      return [entry.name, call + (entry.model ? this.#ownNodes(entry, false) : 0), output, kwargs];
    });
  }
}
