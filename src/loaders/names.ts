/**
 * Weights by name. The order of weights in `.h5` and TF.js files depends on what was frozen when they were saved (trainable
 * ones first), so position says nothing inside a nested model; names do: `[models/]layer/variable`.
 */
import type { Layer } from "../nn/layer";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";

/** Other names of variables, in older Keras. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  kernel: ["depthwise_kernel", "W"],
  bias: ["b"],
  moving_mean: ["running_mean"],
  moving_variance: ["running_std"], // which held the variance, whatever its name
};

interface Candidate {
  readonly parameter: Parameter;
  /** With the names of the models around it. */
  readonly path: string;
}

/** "conv1/kernel:0" -> "conv1/kernel". */
const withoutOutput = (name: string) => name.replace(/:\d+$/, "");

export class NameIndex {
  readonly #byName = new Map<string, Candidate[]>();
  readonly #taken = new Set<Parameter>();

  /** @param layers those whose parameters are looked for; models inside count with all that is in them. */
  constructor(layers: readonly Layer[]) {
    for (const layer of layers) {
      for (const parameter of layer.parameters) {
        const variables = [parameter.name, ...(aliases[parameter.name] ?? [])];
        const candidate = { parameter, path: parameter.path };
        for (const variable of variables) {
          // Keras 1 joined layer and variable by an underscore, below the layer or instead of it.
          for (const name of [`${layer.name}/${variable}`, `${layer.name}_${variable}`]) this.#add(name, candidate);
        }
      }
    }
  }

  #add(name: string, candidate: Candidate): void {
    const list = this.#byName.get(name);
    if (list) list.push(candidate);
    else this.#byName.set(name, [candidate]);
  }

  /** The parameter that a name means: the longest end of the name that is one. Each is handed out once. */
  take(name: string): Parameter | undefined {
    const parts = withoutOutput(name).split("/");
    for (let i = 0; i < parts.length; i++) {
      const list = this.#byName.get(parts.slice(i).join("/"));
      const free = list?.filter((c) => !this.#taken.has(c.parameter)) ?? [];
      if (free.length === 0) continue;
      // Two models inside may have layers of one name: the names of the models decide, then the order.
      const best = free.reduce((a, b) => (common(b.path, name) > common(a.path, name) ? b : a));
      this.#taken.add(best.parameter);
      return best.parameter;
    }
    return undefined;
  }
}

/** How many parts two paths share from the end. */
function common(a: string, b: string): number {
  const [x, y] = [a.split("/").toReversed(), withoutOutput(b).split("/").toReversed()];
  const end = x.findIndex((part, i) => part !== y[i]);
  return end < 0 ? x.length : end;
}

/** Every layer with weights, by path of computation, each once. */
export const weightyLayers = (model: Container): Layer[] => model.flatLayers().filter((l) => l.parameters.length > 0);
