/** The program behind slice, pad and transpose: a copy with an offset, strides and, outside a range, zeros. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import type { Lowering, Shape } from "../operation";
import source from "./strided_copy.wgsl?raw";

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

/** Joins neighbouring axes that can be walked as one, and drops axes of length 1: fewer divisions an element. */
export function mergeAxes(axes: readonly CopyAxis[]): CopyAxis[] {
  const merged: CopyAxis[] = [];
  for (const axis of axes) {
    const outer = merged.at(-1);
    const whole = axis.from === 0 && axis.to === axis.size;
    if (axis.size === 1 && whole) continue;
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
  return merged.length > 0 ? merged : [{ size: 1, stride: 1, from: 0, to: 1 }];
}

const workgroup = 64;
const one: CopyAxis = { size: 1, stride: 0, from: 0, to: 1 };
const padded = (p: StridedCopy) => p.axes.some((a) => a.from > 0 || a.to < a.size);
const count = (p: StridedCopy) => p.axes.reduce((n, a) => n * a.size, 1);

export const stridedCopyKernel: Kernel<StridedCopy> = {
  name: "strided_copy",
  source,
  overrides: (p) => ({ RANK: p.axes.length, PADDED: padded(p) }),
  params: (p) => {
    // Axis 0 stays in slot 0; the others move to the right end, because the program peels them off from slot 4 on.
    const [first = one, ...others] = p.axes;
    const slots = [first, ...Array.from({ length: 4 - others.length }, () => one), ...others];
    const fields: Record<string, number> = { count: count(p), offset: p.offset };
    slots.forEach((axis, i) => {
      if (i > 0) fields[`size${i}`] = axis.size;
      fields[`stride${i}`] = axis.stride;
      fields[`from${i}`] = axis.from;
      fields[`to${i}`] = axis.to;
    });
    return fields;
  },
  workgroups: (p) => foldWorkgroups(ceilDiv(count(p), workgroup)),
  sizes: (p) => ({ x: p.inputCount, y: count(p) }),
  cost: (p) => ({
    flops: 0,
    bytes: 4 * (count(p) + p.axes.reduce((n, a) => n * (a.to - a.from), 1)),
  }),
};

/** Lowering of a copy from `x` to `y`. */
export function lowerCopy(axes: readonly CopyAxis[], offset: number, inputCount: number): Lowering {
  const problem = { axes: mergeAxes(axes), offset, inputCount };
  return { dispatches: [dispatch(stridedCopyKernel, problem, { x: "x", y: "y" })] };
}
