/** A list of transforms as the table and the passes that the GPU runs. */
import { ThawError } from "../../errors";
import { entry, kinds, mostEntries } from "../../kernels/augment/transforms";
import { betaQuantiles } from "./mixing";
import type { AugmentationList, FillOptions, Transform } from "./transform";

/** One pass over the pixels: the entries that it applies, and the blurring behind it, if any. */
export interface Pass {
  readonly first: number;
  readonly last: number;
  readonly contrasts: readonly number[];
  readonly blur?: { readonly entry: number; readonly radius: number };
}

export interface Table {
  readonly numbers: readonly number[];
  readonly entries: number;
  /** Whether pixels move. */
  readonly moves: boolean;
  readonly fill: Required<FillOptions>;
  readonly passes: readonly Pass[];
  readonly mixing?: { readonly entry: number; readonly cut: boolean };
}

const who = "augmentation";
const isMoving = ({ kind }: Transform) => kinds[kind] <= kinds.crop;
const isMixing = ({ kind }: Transform) => kinds[kind] >= kinds.mixUp;

/**
 * @throws for more transforms than there is room for, two that mix, and transforms that fill what lies outside in different ways: pixels are
 *   looked up once, through the one map that all of them make.
 */
export function tableOf(list: AugmentationList): Table {
  const all: Transform[] = [];
  const rows: number[][] = [];
  for (const item of list) {
    if (typeof item !== "object" || item === null)
      throw new ThawError(who, `${String(item)} in the list`, "what randomFlip() and its like return");
    const { transforms, probability } = "transforms" in item ? item : { transforms: [item], probability: 1 };
    const group = rows.length;
    for (const t of transforms) {
      if (!(t?.kind in kinds))
        throw new ThawError(who, `${JSON.stringify(t)} in the list`, "what randomFlip() and its like return");
      rows.push(entry(t.kind, t.numbers, probability, group));
      all.push(t);
    }
  }
  if (all.length > mostEntries) throw new ThawError(who, `${all.length} transforms`, `up to ${mostEntries}`);
  const mixing = all.flatMap((t, i) => (isMixing(t) ? [i] : []));
  if (mixing.length > 1)
    throw new ThawError(who, `${mixing.map((i) => all[i].name).join(" and ")} in one list`, "one that mixes samples");
  const fills = all.flatMap(({ name, fill }) => (fill ? [{ name, fill }] : []));
  const other = fills.find(({ fill }) => JSON.stringify(fill) !== JSON.stringify(fills[0].fill));
  if (other)
    throw new ThawError(
      who,
      `${fills[0].name} has ${JSON.stringify(fills[0].fill)} and ${other.name} ${JSON.stringify(other.fill)}`,
      "the same fillMode, fillValue and interpolation for all",
      "Pixels are looked up once for all transforms of a list.",
    );
  const [mix] = mixing;
  return {
    numbers: [...rows.flat(), ...(mix === undefined ? [] : betaQuantiles(all[mix].alpha!))],
    entries: all.length,
    moves: all.some(isMoving),
    fill: fills[0]?.fill ?? { fillMode: "nearest", fillValue: 0, interpolation: "bilinear" },
    passes: passesOf(all),
    ...(mix !== undefined && { mixing: { entry: mix, cut: all[mix].kind === "cutMix" } }),
  };
}

/** Cut behind each blurring, which needs its neighbours' pixels as they are by then. A pass that would do nothing is left out. */
function passesOf(all: readonly Transform[]): Pass[] {
  const ends = [...all.flatMap(({ kind }, i) => (kind === "blur" ? [i] : [])), all.length];
  return ends.map((last, i) => {
    const first = i === 0 ? 0 : ends[i - 1] + 1;
    const contrasts = all.flatMap(({ kind }, t) => (kind === "contrast" && t >= first && t < last ? [t] : []));
    const radius = all[last]?.radius;
    return { first, last, contrasts, ...(radius !== undefined && { blur: { entry: last, radius } }) };
  });
}

/** Whether a pass changes pixels, besides moving them. */
export const recolours = (list: readonly number[], { first, last }: Pass, entryFloats: number): boolean =>
  Array.from({ length: last - first }, (_, i) => list[(first + i) * entryFloats]).some(
    (kind) => kind > kinds.crop && kind < kinds.blur,
  );
