/** Who reads a value: the question that every rewriting pass asks. */
import type { Graph, Node } from "../graph";

export interface Use {
  readonly node: Node;
  readonly input: string;
}

export class Uses {
  readonly #uses = new Map<number, Use[]>();
  readonly #producer = new Map<number, Node>();

  /** @param kept values that something outside the graph reads: outputs, gradients of weights. */
  constructor(
    graph: Graph,
    readonly kept: ReadonlySet<number>,
  ) {
    for (const node of graph.nodes) {
      for (const [input, id] of Object.entries(node.inputs)) {
        const list = this.#uses.get(id);
        if (list) list.push({ node, input });
        else this.#uses.set(id, [{ node, input }]);
      }
      for (const id of Object.values(node.outputs)) this.#producer.set(id, node);
    }
  }

  of(id: number): readonly Use[] {
    return this.#uses.get(id) ?? [];
  }

  producer(id: number): Node | undefined {
    return this.#producer.get(id);
  }

  /** The only reader, or undefined when there are several, none, or one outside. */
  only(id: number): Use | undefined {
    const uses = this.of(id);
    return uses.length === 1 && !this.kept.has(id) ? uses[0] : undefined;
  }
}
