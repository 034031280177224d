/** The operations that a layer writes, one after the other, as parts. */
import type { Graph, Node, Value } from "../../../../nn/graph";
import type { Layer, SampleShape } from "../../../../nn/layer";
import type { SaveDialect } from "../entries";
import { isTensor, PartBuilder, product, type Known } from "./builder";

/** Stands for the batch in shapes: a prime that no other size is a multiple of, so that it is told from them. */
export const batch = 65_521;

/** @returns a text where Keras's layers cannot say it: what is wrong. */
export type Translation = (t: Translator, node: Node, sample: SampleShape) => Known | string;
export type Translations = Readonly<Record<string, Translation>>;

/** Goes through a layer's operations in order, and knows what has come of each value. */
export class Translator {
  readonly b = new PartBuilder();
  readonly known = new Map<number, Known>();

  constructor(
    readonly layer: Layer,
    readonly g: Graph,
    readonly dialect: SaveDialect,
  ) {}

  /** @returns what is wrong. */
  translate(node: Node, translations: Translations): string | undefined {
    const [output] = Object.values(node.outputs).map((id) => this.g.values[id]);
    const sample = sampleOf(output);
    const missing = Object.values(node.inputs).find((id) => !this.of(this.g.values[id]));
    if (missing !== undefined) return this.#trains(this.g.values[missing], node);
    const translation = Object.hasOwn(translations, node.op) ? translations[node.op] : undefined;
    if (!translation) return `the operation ${node.op}`;
    const constant = Object.values(node.inputs).every((id) => !isTensor(this.of(this.g.values[id])!));
    if (!sample && !constant) return "samples of a batch that lie among one another";
    const result = translation(this, node, sample ?? []);
    if (typeof result === "string") return result;
    this.known.set(output.id, result);
    return undefined;
  }

  /** The value, or undefined for a weight that trains and is not a Dense's. */
  of(value: Value): Known | undefined {
    const found = this.known.get(value.id);
    if (found) return found;
    if (value.data) return { data: value.data, shape: value.shape };
    const { parameter } = value;
    // Those of a Dense or a LayerScale stay weights.
    if (!parameter || (parameter.trainable && !this.#isKept(value))) return undefined;
    return { data: parameter.value, shape: parameter.shape };
  }

  input(node: Node, name: string): Known {
    return this.of(this.g.values[node.inputs[name]])!;
  }

  /** Whether the layer's weights are those of a product, [K, N] and where there is one a bias. */
  denseOf(node: Node): boolean {
    const [kernel, bias] = this.layer.parameters;
    const { w, b } = node.inputs;
    const { transposeX, transposeW, flatten } = node.attrs;
    return (
      this.layer.parameters.length === (b === undefined ? 1 : 2) &&
      this.g.values[w].parameter === kernel &&
      kernel.shape.length === 2 &&
      (b === undefined || (this.g.values[b].parameter === bias && bias.shape.length === 1)) &&
      !(transposeX === true || transposeW === true || flatten === true)
    );
  }

  /** The factor of a product whose other one is the layer's only weight, one number for each channel. */
  scaledBy(node: Node): Value | undefined {
    const [a, b] = [this.g.values[node.inputs.a], this.g.values[node.inputs.b]];
    const { parameters } = this.layer;
    if (this.dialect === 2 || parameters.length !== 1) return undefined;
    const [scale, x] = a.parameter === parameters[0] ? [a, b] : [b, a];
    const channels = x.shape.at(-1);
    const fits = scale.parameter === parameters[0] && product(scale.shape) === channels;
    return fits && scale.shape.at(-1) === channels ? x : undefined;
  }

  #isKept(value: Value): boolean {
    const readers = this.g.nodes.filter((node) => Object.values(node.inputs).includes(value.id));
    if (readers.length !== 1) return false;
    const [{ op }] = readers;
    return (
      (op === "matmul" && this.denseOf(readers[0])) || (op === "multiply" && this.scaledBy(readers[0]) !== undefined)
    );
  }

  #trains(value: Value, node: Node): string {
    const { parameter } = value;
    return parameter
      ? `its weight ${parameter.name} trains, in ${node.op}; freeze the layer to have it written as a constant`
      : `the operation ${node.op}`;
  }
}

/** Without the batch, where it is the first dimension and in no other. */
function sampleOf({ shape }: Value): SampleShape | undefined {
  const [first, ...rest] = shape;
  return first === batch && rest.every((d) => d % batch !== 0) ? rest : undefined;
}
