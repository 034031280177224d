/** What the elementwise programs share that take four channels at a time, down several rows. */
import { ceilDiv, foldWorkgroups } from "../kernel";
import { VariantUnfit } from "../operation";

interface Elements {
  readonly count: number;
  readonly channels: number;
}

/** Rows of one invocation, which loads what belongs to its channels once for all of them. */
const rowsOfOne = 8;

export const inFours = ({ channels }: Pick<Elements, "channels">): boolean => channels % 4 === 0;

export function needFours(p: Pick<Elements, "channels">): void {
  if (!inFours(p)) throw new VariantUnfit("channels not in fours");
}

/** Vectors in all, channels in vectors, and the vectors from one row of an invocation to its next. */
export function foursParams({ count, channels }: Elements): { count: number; channels: number; stride: number } {
  const across = channels / 4;
  return { count: count / 4, channels: across, stride: ceilDiv(count / channels, rowsOfOne) * across };
}

export const foursWorkgroups = (p: Elements): [number, number, number] =>
  foldWorkgroups(ceilDiv(foursParams(p).stride, 64));
