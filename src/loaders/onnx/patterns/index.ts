/** Groups of nodes that stand for one, rewritten before layers are made. */
import type { Evaluated } from "../evaluate";
import type { OnnxGraph } from "../ir";
import { activationFunction } from "./functions";
import { channelAffine, convolutionBias, layerNormalization, linear } from "./norms";
import { Rewriter } from "./rewriter";

/** Larger groups first: a layer normalization ends like a per-channel factor and offset. */
export function simplifyPatterns(graph: OnnxGraph, evaluated: Evaluated): Evaluated {
  const rewriter = new Rewriter(evaluated, new Set(graph.outputs));
  for (const pattern of [layerNormalization, activationFunction, linear, channelAffine, convolutionBias])
    rewriter.apply(pattern);
  return rewriter.result();
}
