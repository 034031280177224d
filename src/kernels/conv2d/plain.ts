/** The plain kernels of the three directions: any groups, dilation, strides and pads. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import type { Lowering } from "../operation";
import {
  epilogueBindings,
  epilogueCost,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  type Epilogue,
} from "../epilogue";
import { convolutionCost, filterCount, inputCount, outputCount, type Convolution } from "./problem";
import { wgsl } from "../program";

const workgroup = 64;
const launch = (count: number) => foldWorkgroups(ceilDiv(count, workgroup));

interface Fused {
  readonly p: Convolution;
  readonly epilogue: Epilogue;
}

export const plainKernel: Kernel<Fused> = {
  program: wgsl("plain", "conv2d_plain"),
  overrides: ({ epilogue }) => epilogueOverrides(epilogue),
  params: ({ p, epilogue }) => ({ count: outputCount(p), ...p, ...epilogueParams(epilogue) }),
  workgroups: ({ p }) => launch(outputCount(p)),
  sizes: ({ p, epilogue }) => ({
    x: inputCount(p),
    w: filterCount(p),
    y: outputCount(p),
    ...epilogueSizes(epilogue, p.filters, outputCount(p)),
  }),
  cost: ({ p, epilogue }) => {
    const main = convolutionCost(p);
    const after = epilogueCost(epilogue, p.filters, outputCount(p));
    return { flops: main.flops + after.flops, bytes: main.bytes + after.bytes };
  },
};

export const plainInputGradientKernel: Kernel<{ p: Convolution; residual: boolean }> = {
  program: wgsl("plain", "conv2d_input_gradient_plain"),
  overrides: ({ residual }) => ({ HAS_RESIDUAL: residual }),
  params: ({ p }) => ({ count: inputCount(p), ...p }),
  workgroups: ({ p }) => launch(inputCount(p)),
  sizes: ({ p, residual }) => ({
    dy: outputCount(p),
    w: filterCount(p),
    dx: inputCount(p),
    ...(residual && { residual: inputCount(p) }),
  }),
  cost: ({ p }) => convolutionCost(p),
};

export const plainFilterGradientKernel: Kernel<Convolution> = {
  program: wgsl("plain", "conv2d_filter_gradient_plain"),
  params: (p) => ({ count: filterCount(p), ...p }),
  workgroups: (p) => launch(filterCount(p)),
  sizes: (p) => ({ x: inputCount(p), dy: outputCount(p), dw: filterCount(p) }),
  cost: convolutionCost,
};

export function lowerPlain(p: Convolution, epilogue: Epilogue): Lowering {
  return {
    dispatches: [dispatch(plainKernel, { p, epilogue }, { x: "x", w: "w", y: "y", ...epilogueBindings(epilogue) })],
  };
}

export function lowerPlainInputGradient(p: Convolution, residual: boolean): Lowering {
  const bind = { dy: "dy", w: "w", residual: residual ? "residual" : undefined, dx: "dx" };
  return { dispatches: [dispatch(plainInputGradientKernel, { p, residual }, bind)] };
}

export function lowerPlainFilterGradient(p: Convolution): Lowering {
  return { dispatches: [dispatch(plainFilterGradientKernel, p, { x: "x", dy: "dy", dw: "dw" })] };
}
