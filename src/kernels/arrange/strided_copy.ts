/** The program behind slice, pad and transpose: a copy with an offset, strides and, outside a range, zeros. */
import { ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { VariantUnfit, type Lowering, type Shape } from "../operation";
import { wgsl, type Program } from "../program";

/** How one axis of the output is walked. */
export interface CopyAxis {
  /** Length in the output. */
  readonly size: number;
  /** Elements of the input between neighbours along this axis. */
  readonly stride: number;
  /** Output coordinates from..to-1 come from the input, the others are zero. */
  readonly from: number;
  readonly to: number;
}

export interface StridedCopy {
  /** Outermost first; at most five. */
  readonly axes: readonly CopyAxis[];
  /** Where output coordinate 0, 0, ... lies in the input; below zero where there is padding in front. */
  readonly offset: number;
  readonly inputCount: number;
}

/** Elements between neighbours along each axis of a dense tensor. */
export function stridesOf(shape: Shape): number[] {
  const strides = shape.map(() => 1);
  for (let a = shape.length - 2; a >= 0; a--) strides[a] = strides[a + 1] * shape[a + 1];
  return strides;
}

/**
 * Joins neighbouring axes that can be walked as one, and drops axes of length 1: fewer divisions an element. The first
 * axis stays also where it is 1, so that a batch of one needs no other pipeline than a batch of many.
 */
export function mergeAxes(axes: readonly CopyAxis[]): CopyAxis[] {
  const merged: CopyAxis[] = [];
  for (const [a, axis] of axes.entries()) {
    const outer = merged.at(-1);
    const whole = axis.from === 0 && axis.to === axis.size;
    if (a > 0 && axis.size === 1 && whole) continue;
    if (outer && whole && outer.stride === axis.stride * axis.size) {
      merged.pop();
      merged.push({
        size: outer.size * axis.size,
        stride: axis.stride,
        from: outer.from * axis.size,
        to: outer.to * axis.size,
      });
    } else {
      merged.push(axis);
    }
  }
  return merged;
}

const workgroup = 64;
const one: CopyAxis = { size: 1, stride: 0, from: 0, to: 1 };
const padded = (p: StridedCopy) => p.axes.some((a) => a.from > 0 || a.to < a.size);
const count = (p: StridedCopy) => p.axes.reduce((n, a) => n * a.size, 1);

/** The program with `lanes` 4 counts in vectors; its problem is still in elements. */
const stridedCopy = (program: Program, lanes: number): Kernel<StridedCopy> => ({
  program,
  overrides: (p) => ({ RANK: p.axes.length, PADDED: padded(p) }),
  params: (p) => {
    // The innermost axis gets shorter by the lanes, the others take shorter steps.
    const scaled = p.axes.map((a, i) =>
      i === p.axes.length - 1
        ? { size: a.size / lanes, stride: a.stride, from: a.from / lanes, to: a.to / lanes }
        : { ...a, stride: a.stride / lanes },
    );
    // Axis 0 stays in slot 0; the others move to the right end, because the program peels them off from slot 4 on.
    const [first = one, ...others] = scaled;
    const slots = [first, ...Array.from({ length: 4 - others.length }, () => one), ...others];
    const fields: Record<string, number> = { count: count(p) / lanes, offset: p.offset / lanes };
    slots.forEach((axis, i) => {
      if (i > 0) fields[`size${i}`] = axis.size;
      fields[`stride${i}`] = axis.stride;
      fields[`from${i}`] = axis.from;
      fields[`to${i}`] = axis.to;
    });
    return fields;
  },
  workgroups: (p) => foldWorkgroups(ceilDiv(count(p) / lanes, workgroup)),
  sizes: (p) => ({ x: p.inputCount, y: count(p) }),
  cost: (p) => ({
    flops: 0,
    bytes: 4 * (count(p) + p.axes.reduce((n, a) => n * (a.to - a.from), 1)),
  }),
});

export const stridedCopyKernel = stridedCopy(wgsl("layers", "strided_copy"), 1);
export const stridedCopyVec4Kernel = stridedCopy(wgsl("layers", "strided_copy_vec4"), 4);

/** Whether every step of the copy moves whole vectors of four. */
function inFours({ axes, offset }: StridedCopy): boolean {
  const inner = axes.at(-1)!;
  const lengths = [inner.size, inner.from, inner.to, offset, ...axes.slice(0, -1).map((a) => a.stride)];
  return inner.stride === 1 && lengths.every((n) => n % 4 === 0);
}

/** Axes that the copy programs can walk. */
const maxRank = 5;

/**
 * A copy from `x` to `y` as an operation describes it, before axes are merged.
 *
 * @throws where more axes are left than the programs can walk.
 */
export function copyProblem(who: string, all: readonly CopyAxis[], offset: number, inputCount: number): StridedCopy {
  const merged = mergeAxes(all);
  const axes = merged.length > maxRank && merged[0].size === 1 ? merged.slice(1) : merged;
  if (axes.length > maxRank)
    throw new ThawError(
      who,
      `received x with ${all.length} axes, ${axes.length} of which move on their own`,
      `at most ${maxRank} of those`,
      "Reshape x first, or go in two steps.",
    );
  return { axes, offset, inputCount };
}

export const lowerCopy = (problem: StridedCopy): Lowering => ({
  dispatches: [dispatch(stridedCopyKernel, problem, { x: "x", y: "y" })],
});

export function lowerCopyVec4(problem: StridedCopy): Lowering {
  if (!inFours(problem)) throw new VariantUnfit("lengths that are no multiples of four");
  return { dispatches: [dispatch(stridedCopyVec4Kernel, problem, { x: "x", y: "y" })] };
}

/** The table of all copies, on every adapter. */
export const selectCopy = (problem: StridedCopy) => (inFours(problem) ? "vec4" : "plain");
