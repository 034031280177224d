/**
 * The convolution and its gradient with respect to the image as one problem: pixels on a grid gather source pixels tap by
 * tap. The gradient has a grid for each phase of the strides, so that each of its pixels is reached by all the taps.
 */
import type { Cost } from "../kernel";
import { convolutionCost, filterCount, inputCount, outputCount, type Convolution } from "./problem";

export interface Gather {
  /** The uniforms of conv2d_quads and conv2d_tiles, less those of the epilogue. */
  readonly params: {
    readonly m: number;
    readonly n: number;
    readonly depth: number;
    readonly gridRows: number;
    readonly gridColumns: number;
    readonly sourceRows: number;
    readonly sourceColumns: number;
    readonly sourceChannels: number;
    readonly strideRows: number;
    readonly strideColumns: number;
    readonly firstRow: number;
    readonly firstColumn: number;
    readonly tapRows: number;
    readonly tapColumns: number;
    readonly tapStepRows: number;
    readonly tapStepColumns: number;
    readonly wFirst: number;
    readonly wTapRow: number;
    readonly wTapColumn: number;
    readonly wStep: number;
    readonly wColumn: number;
    readonly wGroup: number;
    readonly resultRows: number;
    readonly resultColumns: number;
    readonly resultChannels: number;
    readonly spreadRows: number;
    readonly spreadColumns: number;
    readonly originRow: number;
    readonly originColumn: number;
  };
  readonly groups: number;
  readonly sizes: { readonly x: number; readonly w: number; readonly y: number };
  readonly cost: Cost;
}

/** The same with lengths in vectors of four channels; of wStep and wColumn the one that is 1 stays, for it lies within a vector. */
export function gatherInVectors(g: Gather["params"]): Gather["params"] {
  const { n, depth, sourceChannels, resultChannels, wFirst, wTapRow, wTapColumn, wStep, wColumn, wGroup } = g;
  return {
    ...g,
    n: n / 4,
    depth: depth / 4,
    sourceChannels: sourceChannels / 4,
    resultChannels: resultChannels / 4,
    wFirst: wFirst / 4,
    wTapRow: wTapRow / 4,
    wTapColumn: wTapColumn / 4,
    wStep: wStep === 1 ? 1 : wStep / 4,
    wColumn: wColumn === 1 ? 1 : wColumn / 4,
    wGroup: wGroup / 4,
  };
}

export function forwardGather(p: Convolution): Gather {
  const tapSize = p.depth * p.filters;
  return {
    params: {
      m: p.batch * p.outRows * p.outColumns,
      n: p.filtersEach,
      depth: p.depth,
      gridRows: p.outRows,
      gridColumns: p.outColumns,
      sourceRows: p.inRows,
      sourceColumns: p.inColumns,
      sourceChannels: p.channels,
      strideRows: p.strideRows,
      strideColumns: p.strideColumns,
      firstRow: -p.top,
      firstColumn: -p.left,
      tapRows: p.filterRows,
      tapColumns: p.filterColumns,
      tapStepRows: p.dilationRows,
      tapStepColumns: p.dilationColumns,
      wFirst: 0,
      wTapRow: p.filterColumns * tapSize,
      wTapColumn: tapSize,
      wStep: p.filters,
      wColumn: 1,
      wGroup: p.filtersEach,
      resultRows: p.outRows,
      resultColumns: p.outColumns,
      resultChannels: p.filters,
      spreadRows: 1,
      spreadColumns: 1,
      originRow: 0,
      originColumn: 0,
    },
    groups: p.filters / p.filtersEach,
    sizes: { x: inputCount(p), w: filterCount(p), y: outputCount(p) },
    cost: convolutionCost(p),
  };
}

/** One axis of one phase: grid points origin + t * stride, reached from dy at first + t + j * step by tap firstTap + j * tapStep. */
interface Phase {
  readonly origin: number;
  readonly points: number;
  readonly first: number;
  readonly step: number;
  readonly firstTap: number;
  readonly tapStep: number;
  readonly taps: number;
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** The phases of one axis: output o reads input i with tap t where o * stride + t * dilation = i + before. */
function phases(length: number, size: number, stride: number, dilation: number, before: number): Phase[] {
  const common = greatestCommonDivisor(stride, dilation);
  const tapStep = stride / common;
  const result: Phase[] = [];
  for (let origin = 0; origin < Math.min(stride, length); origin++) {
    let firstTap = 0;
    while (firstTap < tapStep && (origin + before - firstTap * dilation) % stride !== 0) firstTap++;
    const reached = firstTap < tapStep && firstTap < size; // else no output reads these inputs
    result.push({
      origin,
      points: Math.ceil((length - origin) / stride),
      first: reached ? (origin + before - firstTap * dilation) / stride : 0,
      step: -dilation / common,
      firstTap: reached ? firstTap : 0,
      tapStep,
      taps: reached ? Math.ceil((size - firstTap) / tapStep) : 0,
    });
  }
  return result;
}

export function inputGradientGathers(p: Convolution): Gather[] {
  const tapSize = p.depth * p.filters;
  const rowPhases = phases(p.inRows, p.filterRows, p.strideRows, p.dilationRows, p.top);
  const columnPhases = phases(p.inColumns, p.filterColumns, p.strideColumns, p.dilationColumns, p.left);
  const whole = convolutionCost(p);
  return rowPhases.flatMap((row) =>
    columnPhases.map((column) => {
      const share = (row.points * row.taps * column.points * column.taps) / Math.max(1, p.inRows * p.inColumns);
      return {
        params: {
          m: p.batch * row.points * column.points,
          n: p.depth,
          depth: p.filtersEach,
          gridRows: row.points,
          gridColumns: column.points,
          sourceRows: p.outRows,
          sourceColumns: p.outColumns,
          sourceChannels: p.filters,
          strideRows: 1,
          strideColumns: 1,
          firstRow: row.first,
          firstColumn: column.first,
          tapRows: row.taps,
          tapColumns: column.taps,
          tapStepRows: row.step,
          tapStepColumns: column.step,
          wFirst: (row.firstTap * p.filterColumns + column.firstTap) * tapSize,
          wTapRow: row.tapStep * p.filterColumns * tapSize,
          wTapColumn: column.tapStep * tapSize,
          wStep: 1,
          wColumn: p.filters,
          wGroup: p.filtersEach,
          resultRows: p.inRows,
          resultColumns: p.inColumns,
          resultChannels: p.channels,
          spreadRows: p.strideRows,
          spreadColumns: p.strideColumns,
          originRow: row.origin,
          originColumn: column.origin,
        },
        groups: p.filters / p.filtersEach,
        sizes: { x: outputCount(p), w: filterCount(p), y: inputCount(p) },
        cost: {
          flops: 2 * p.batch * p.inRows * p.inColumns * share * p.depth * p.filters,
          bytes: whole.bytes / (rowPhases.length * columnPhases.length),
        },
      };
    }),
  );
}
