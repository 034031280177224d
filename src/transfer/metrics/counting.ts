/** What the metrics that count have in common: their objective, and the predictions as probabilities. */
import { countOperations } from "../../kernels/counts/counts";
import { elements } from "../../kernels/operation";
import { registerOperations } from "../../kernels/registry";
import { countsName, type Accumulator } from "../../nn/accumulator";
import type { Objective } from "../../nn/compile/trace";
import type { Graph, Value } from "../../nn/graph";

/** What a metric may know of a model when it is compiled. */
export interface Setting {
  /** Values a row. */
  readonly outputs: number;
  /** Labels are class ids instead of one value a class. */
  readonly sparse: boolean;
  /** Each output is a yes or no of its own, rather than one class of several. */
  readonly binary: boolean;
  readonly fromLogits: boolean;
}

export interface CountingMetric extends Pick<Accumulator, "better" | "words" | "finish"> {
  readonly name: string;
  readonly op: string;
  /** Whether it needs probabilities, where the model's output is not yet one. */
  readonly probabilities: (setting: Setting) => boolean;
  readonly attrs: (setting: Setting) => Readonly<Record<string, unknown>>;
}

/** A metric as `compile` takes it. Labels may be class ids or one value a class, as the loss reads them. */
export function countingMetric(metric: CountingMetric): Objective {
  registerOperations(countOperations);
  const { name, op, words, finish, better } = metric;
  const add: Accumulator["add"] = (g, objective, y, { labels, loss }) => {
    const outputs = y.shape.at(-1)!;
    const setting: Setting = {
      outputs,
      sparse: outputs > 1 && elements(labels.shape) * outputs === elements(y.shape),
      binary: outputs === 1 || /binary/i.test(loss.op),
      fromLogits: loss.attrs.fromLogits === true,
    };
    const resource = countsName(objective);
    const counts = g.value({ name: resource, shape: [words(outputs)], role: "resource", resource });
    const x = setting.fromLogits && metric.probabilities(setting) ? probabilities(g, y, setting) : y;
    g.emit(op, { sparse: setting.sparse, ...metric.attrs(setting) }, { x, labels, counts });
    return [];
  };
  return {
    name,
    op,
    attrs: {},
    labelShape: (output) => output,
    accumulator: { words, finish, add, ...(better && { better }) },
  };
}

const probabilities = (g: Graph, y: Value, { binary }: Setting): Value =>
  binary ? g.apply("activation", { kind: "sigmoid" }, { x: y }) : g.apply("softmax", {}, { x: y });

/** 0 where nothing is divided by nothing, as Keras does. */
export const share = (part: number, of: number): number => (of === 0 ? 0 : part / of);
