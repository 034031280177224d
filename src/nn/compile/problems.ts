/** The problems of a plan that have more than one variant: what an autotuner may time. Equal ones are one. */
import type { Shape } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import { tuningKey } from "../../kernels/tuning-key";
import type { Graph } from "../graph";
import type { LoweredNode } from "./lower";

export interface PlanProblem {
  /** Its name in a tuning table. */
  readonly key: string;
  readonly op: string;
  readonly attrs: object;
  /** Of inputs and outputs. */
  readonly shapes: Record<string, Shape>;
  /** Layers that have it, once for each time a step runs it. */
  readonly layers: readonly string[];
  /** What it weighs in a step, by arithmetic and memory traffic; only good for comparing problems of one plan. */
  readonly weight: number;
}

/** FLOPs that an adapter does in the time of moving one byte: ten on most GPUs, give or take a factor of two. */
const flopsPerByte = 10;

/** The heaviest first. What runs only when weights have changed is left out. */
export function collectProblems(graph: Graph, lowered: readonly LoweredNode[]): PlanProblem[] {
  const problems = new Map<string, PlanProblem>();
  for (const { node, dispatches } of lowered) {
    const op = findOperation(node.op);
    if (node.phase === "setup" || Object.keys(op.variants).length < 2) continue;
    const shapes = graph.shapesOf(node);
    const key = tuningKey(op, node.attrs, shapes);
    const weight = dispatches.reduce((sum, { cost }) => sum + Math.max(cost.flops / flopsPerByte, cost.bytes), 0);
    const known = problems.get(key);
    const layers = [...(known?.layers ?? []), node.layer];
    problems.set(key, {
      key,
      op: node.op,
      attrs: node.attrs,
      shapes,
      layers,
      weight: weight + (known?.weight ?? 0),
    });
  }
  return [...problems.values()].toSorted((a, b) => b.weight - a.weight);
}
