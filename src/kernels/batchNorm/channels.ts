/** What the programs that reduce over rows for each channel share: how rows and channels are spread over workgroups. */
import { ceilDiv } from "../kernel";
import { preferQuads } from "../matmul/select";
import { elements, VariantUnfit, type AdapterTraits, type Shape } from "../operation";
import { inFours } from "./fours";

export interface Rows {
  readonly rows: number;
  readonly channels: number;
}

/** All axes but the last are rows. */
export const rowsOf = (x: Shape): Rows => ({ rows: elements(x) / x.at(-1)!, channels: x.at(-1)! });

export interface Tree extends Rows {
  /** Invocations of a workgroup. */
  readonly workgroup: number;
  /** Channels of a workgroup. */
  readonly width: number;
  /** Slices of the rows, a workgroup each. */
  readonly slices: number;
}

export const rowsEach = (t: Tree): number => ceilDiv(t.rows, t.slices);

/** Rows up to which one workgroup a channel block is quicker than a second pass over partial sums. */
const singlePassRows = { software: 1 << 20, gpu: 16384 };

/** Few channels a workgroup on CPUs (more workgroups for the cores), whole memory sectors and more lanes on GPUs. */
export function treeOf(x: Shape, { software }: AdapterTraits, slices?: number): Tree {
  const { rows, channels } = rowsOf(x);
  const limit = software ? singlePassRows.software : singlePassRows.gpu;
  const wanted = slices ?? (rows <= limit ? 1 : Math.min(64, ceilDiv(rows, 4096)));
  const each = ceilDiv(rows, Math.min(wanted, rows));
  return { rows, channels, workgroup: software ? 16 : 256, width: software ? 4 : 8, slices: ceilDiv(rows, each) };
}

/** The same for programs that take four channels at a time: `width` counts vectors. */
export function treeOfVectors(x: Shape, adapter: AdapterTraits, slices?: number): Tree {
  const { software } = adapter;
  return { ...treeOf(x, adapter, slices), width: software ? 1 : 4 };
}

export const treeWorkgroups = (t: Tree): [number, number, number] => [ceilDiv(t.channels, t.width), t.slices, 1];

export function needQuads(adapter: AdapterTraits): void {
  if (!adapter.features.includes("subgroups")) throw new VariantUnfit("quads hand values from lane to lane");
}

/** Vectors of channels where they come in fours; without barriers where those are dear. */
export function selectReduction(x: Shape, adapter: AdapterTraits): "plain" | "vec4" | "quads" {
  if (!inFours(rowsOf(x))) return "plain";
  return preferQuads(adapter) ? "quads" : "vec4";
}
