/** What patterns ask of the live nodes, and how they replace some of them by one. */
import { product, type HostTensor } from "../host-tensor";
import type { Evaluated } from "../evaluate";
import type { OnnxNode } from "../ir";

/** Nodes that a pattern found, the last of which gives the result, and what stands for them. */
export interface Match {
  readonly nodes: readonly OnnxNode[];
  readonly replacement: OnnxNode | readonly OnnxNode[];
}

export type Pattern = (r: Rewriter, node: OnnxNode) => Match | undefined;

export class Rewriter {
  #nodes: readonly OnnxNode[];
  readonly #constants: Map<string, HostTensor>;
  #producers = new Map<string, OnnxNode>();
  #uses = new Map<string, OnnxNode[]>();
  #made = 0;

  constructor(
    readonly evaluated: Evaluated,
    readonly outputs: ReadonlySet<string>,
  ) {
    this.#nodes = evaluated.live;
    this.#constants = new Map(evaluated.constants);
    this.#index();
  }

  #index(): void {
    this.#producers = new Map(this.#nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
    this.#uses = new Map();
    for (const node of this.#nodes)
      for (const input of node.inputs) {
        const list = this.#uses.get(input);
        if (list) list.push(node);
        else this.#uses.set(input, [node]);
      }
  }

  /** Applies a pattern wherever it fits, from the end to the beginning, so that the largest group is found first. */
  apply(pattern: Pattern): void {
    const gone = new Set<OnnxNode>();
    const instead = new Map<OnnxNode, readonly OnnxNode[]>();
    for (const node of this.#nodes.toReversed()) {
      if (gone.has(node)) continue;
      const match = pattern(this, node);
      if (!match || match.nodes.some((n) => gone.has(n))) continue;
      for (const n of match.nodes) gone.add(n);
      instead.set(node, [match.replacement].flat());
    }
    if (gone.size === 0) return;
    this.#nodes = this.#nodes.flatMap((n) => instead.get(n) ?? (gone.has(n) ? [] : [n]));
    this.#index();
  }

  result(): Evaluated {
    return { ...this.evaluated, live: this.#nodes, constants: this.#constants };
  }

  /** The node that computes a value. */
  producer(name: string, op?: string): OnnxNode | undefined {
    const node = this.#producers.get(name);
    return node && node.domain === "" && (op === undefined || node.op === op) ? node : undefined;
  }

  /** The same, where nobody else reads the value, so that it may vanish. */
  only(name: string, op?: string): OnnxNode | undefined {
    return this.#uses.get(name)?.length === 1 && !this.outputs.has(name) ? this.producer(name, op) : undefined;
  }

  /** Whether nobody but these nodes reads the value. */
  isInner(name: string, nodes: ReadonlySet<OnnxNode>): boolean {
    return !this.outputs.has(name) && (this.#uses.get(name) ?? []).every((n) => nodes.has(n));
  }

  constant(name: string | undefined): HostTensor | undefined {
    return name === undefined || name === "" ? undefined : this.#constants.get(name);
  }

  /** A constant with one number. */
  scalar(name: string | undefined): number | undefined {
    const x = this.constant(name);
    return x && product(x.dims) === 1 && x.kind !== "int" ? x.data[0] : undefined;
  }

  dims(name: string): readonly number[] | undefined {
    return this.evaluated.dims.get(name) ?? this.#constants.get(name)?.dims;
  }

  /** A constant of a pattern's own making. */
  add(tensor: HostTensor): string {
    const name = `pattern constant ${this.#made++}`;
    this.#constants.set(name, tensor);
    return name;
  }

  /** Of a node with two inputs the one that is a constant and the one that is computed. */
  sides(node: OnnxNode): { computed: string; constant: string; constantFirst: boolean } | undefined {
    const [a, b] = node.inputs;
    const [ca, cb] = [this.#constants.has(a), this.#constants.has(b)];
    if (ca === cb) return undefined;
    return ca ? { computed: b, constant: a, constantFirst: true } : { computed: a, constant: b, constantFirst: false };
  }
}

/** A node that takes a group's place: its name and outputs are those of the last one. */
export function replacing(
  last: OnnxNode,
  op: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, number | string>> = {},
): OnnxNode {
  return { ...last, op, inputs, attributes: new Map(Object.entries(attributes)), opset: Math.max(last.opset, 20) };
}
