/** What shape-changing operators mean, whether they are folded or emitted: ranges of slices, axes, targets of reshapes. */
import { formatShape, ThawError } from "../../errors";
import { axisOf, describe, numbersOf, wholeOf } from "./attributes";
import { product, type HostTensor } from "./host-tensor";
import type { OnnxNode } from "./ir";

type Inputs = readonly (HostTensor | undefined)[];

/** Indices begin, begin + step, ..., `count` of them. */
export interface Range {
  readonly begin: number;
  readonly step: number;
  readonly count: number;
}

/** Axes of a reduction and the like: an input since some version, an attribute before; all where neither says. */
export function axesOf(node: OnnxNode, input: HostTensor | undefined, rank: number): number[] {
  const given = input ? Array.from(input.data) : numbersOf(node, "axes");
  if (!given || given.length === 0)
    return wholeOf(node, "noop_with_empty_axes", 0) ? [] : Array.from({ length: rank }, (_, i) => i);
  return given.map((axis) => axisOf(node, axis, rank));
}

/** The ranges of a Slice along all axes: inputs since opset 10, attributes before. */
export function sliceRanges(node: OnnxNode, dims: readonly number[], inputs: Inputs): Range[] {
  const list = (input: number, attribute: string) =>
    inputs[input] ? Array.from(inputs[input].data) : numbersOf(node, attribute);
  const [starts, ends] = [list(1, "starts"), list(2, "ends")];
  if (!starts || !ends || starts.length !== ends.length)
    throw new ThawError(
      describe(node),
      `has ${starts?.length ?? "no"} starts and ${ends?.length ?? "no"} ends`,
      "as many of both, known before it runs",
    );
  const axes = (list(3, "axes") ?? starts.map((_, i) => i)).map((axis) => axisOf(node, axis, dims.length));
  const steps = list(4, "steps") ?? starts.map(() => 1);
  const ranges: Range[] = dims.map((count) => ({ begin: 0, step: 1, count }));
  axes.forEach((axis, i) => {
    const size = dims[axis];
    const step = steps[i];
    if (!Number.isInteger(step) || step === 0)
      throw new ThawError(describe(node), `step ${step}`, "a whole number that is not 0");
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
    const begin = step > 0 ? clamp(starts[i]) : Math.max(clamp(starts[i]), -1);
    const count = Math.max(Math.ceil((clamp(ends[i]) - begin) / step), 0);
    ranges[axis] = { begin, step, count };
  });
  return ranges;
}

/** Sizes of a Split's parts: given, or as equal as they can be. */
export function splitSizes(node: OnnxNode, size: number, input: HostTensor | undefined): number[] {
  const given = input ? Array.from(input.data) : numbersOf(node, "split");
  if (given) {
    if (given.some((n) => n < 0) || given.reduce((a, b) => a + b, 0) !== size)
      throw new ThawError(describe(node), `splits ${size} into ${formatShape(given)}`, `sizes that add up to ${size}`);
    return [...given];
  }
  const parts = node.outputs.length;
  const each = Math.ceil(size / wholeOf(node, "num_outputs", parts));
  return Array.from({ length: parts }, (_, i) => Math.max(Math.min(each, size - i * each), 0));
}

/** Dimensions after Reshape, Flatten, Squeeze or Unsqueeze, without regard to the batch. */
export function targetShape(node: OnnxNode, dims: readonly number[], inputs: Inputs): number[] {
  const count = product(dims);
  switch (node.op) {
    case "Flatten": {
      const axis = wholeOf(node, "axis", 1);
      const at = axis < 0 ? axis + dims.length : axis;
      return [product(dims.slice(0, at)), product(dims.slice(at))];
    }
    case "Squeeze": {
      const given = inputs[1] ? Array.from(inputs[1].data) : numbersOf(node, "axes");
      const axes = given?.map((a) => axisOf(node, a, dims.length)) ?? dims.flatMap((d, i) => (d === 1 ? [i] : []));
      return dims.filter((_, i) => !axes.includes(i));
    }
    case "Unsqueeze": {
      const given = inputs[1] ? Array.from(inputs[1].data) : (numbersOf(node, "axes") ?? []);
      const rank = dims.length + given.length;
      const axes = new Set(given.map((a) => axisOf(node, a, rank)));
      const rest = [...dims];
      return Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : rest.shift()!));
    }
    default: {
      const wanted = reshapeTarget(node, inputs);
      const zeroIsZero = wholeOf(node, "allowzero", 0) !== 0;
      const known = wanted.map((d, i) => (d === 0 && !zeroIsZero ? (dims[i] ?? 0) : d));
      const open = known.indexOf(-1);
      if (open < 0) return known;
      const rest = count / product(known.filter((d) => d !== -1));
      return known.map((d) => (d === -1 ? rest : d));
    }
  }
}

/** What a Reshape asks for: an input since opset 5. */
export function reshapeTarget(node: OnnxNode, inputs: Inputs): number[] {
  const wanted = inputs[1] ? Array.from(inputs[1].data) : numbersOf(node, "shape");
  if (!wanted)
    throw new ThawError(describe(node), "its shape is computed from the samples", "a shape known before it runs");
  if (wanted.some((d) => !Number.isInteger(d) || d < -1) || wanted.filter((d) => d === -1).length > 1)
    throw new ThawError(
      describe(node),
      `the shape ${formatShape(wanted)}`,
      "whole numbers from 0, at most one of them -1",
    );
  return [...wanted];
}
