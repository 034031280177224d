/**
 * The fused epilogue of matmul and the convolutions: y = f(z * scale[c] + b[c] + residual[i]), each part optional.
 * Programs that have one declare the overrides HAS_SCALE, HAS_BIAS, HAS_RESIDUAL and FUNCTION, the uniforms slope,
 * maxValue and threshold, and the bindings scale, b and residual.
 */
import { activationConstants, type Activation } from "./activation/activation";
import type { Constants } from "./kernel";
import type { Shape } from "./operation";

export interface Epilogue {
  readonly scale: boolean;
  readonly bias: boolean;
  readonly residual: boolean;
  readonly activation: Activation;
}

export const noEpilogue: Epilogue = { scale: false, bias: false, residual: false, activation: { kind: "linear" } };

/** The epilogue that an operation's attributes and present inputs ask for. */
export function epilogueOf(
  attrs: { readonly activation?: Activation },
  shapes: Readonly<Record<string, Shape | undefined>>,
): Epilogue {
  return {
    scale: shapes.scale !== undefined,
    bias: shapes.b !== undefined,
    residual: shapes.residual !== undefined,
    activation: attrs.activation ?? noEpilogue.activation,
  };
}

export const epilogueOverrides = (e: Epilogue): Constants => ({
  HAS_SCALE: e.scale,
  HAS_BIAS: e.bias,
  HAS_RESIDUAL: e.residual,
  FUNCTION: activationConstants(e.activation).code,
});

export function epilogueParams(e: Epilogue): { slope: number; maxValue: number; threshold: number } {
  const { slope, maxValue, threshold } = activationConstants(e.activation);
  return { slope, maxValue, threshold };
}

/** No activation, as one of the relu family that changes nothing, not even what is not finite. */
const identity = { kind: "relu", slope: 1, maxValue: Number.POSITIVE_INFINITY } as const;

/**
 * The same epilogue with no activation written like relu, whose parameters are uniforms: programs that take a software adapter
 * long to compile then serve both with one pipeline.
 */
export const likeRelu = (e: Epilogue): Epilogue =>
  e.activation.kind === "linear" ? { ...e, activation: identity } : e;

/** Elements of the optional bindings; absent ones are not touched. */
export const epilogueSizes = (e: Epilogue, channels: number, count: number): Record<string, number> => ({
  ...(e.scale && { scale: channels }),
  ...(e.bias && { b: channels }),
  ...(e.residual && { residual: count }),
});

/** Bindings of the optional inputs, under the names an operation gives them. */
export const epilogueBindings = (e: Epilogue): Record<string, string | undefined> => ({
  scale: e.scale ? "scale" : undefined,
  b: e.bias ? "b" : undefined,
  residual: e.residual ? "residual" : undefined,
});

export const epilogueCost = (e: Epilogue, channels: number, count: number): { flops: number; bytes: number } => {
  const steps = Number(e.scale) * 2 + Number(e.bias) + Number(e.residual) + Number(e.activation.kind !== "linear");
  return {
    flops: steps * count,
    bytes: 4 * ((Number(e.scale) + Number(e.bias)) * channels + Number(e.residual) * count),
  };
};
