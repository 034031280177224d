/** A list of transforms as the table and the passes that the GPU runs. */
import { ThawError } from "../../errors";
import { entry, kinds, mostEntries, type Kind } from "../../kernels/augment/transforms";
import { betaQuantiles } from "./mixing";
import type { AugmentationList, FillOptions, Transform } from "./transform";

/** One pass over the pixels: the entries that it applies, and the blurring behind it, if any. */
export interface Pass {
  readonly first: number;
  readonly last: number;
  /** Kinds among them that change pixels; none: the pass only moves them, if anything. */
  readonly uses: readonly Kind[];
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
const isColour = ({ kind }: Transform) => kinds[kind] > kinds.crop && kinds[kind] < kinds.blur;
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
  // Mirroring alone leads to whole pixels.
  const between = all.some(({ kind }) => kind === "crop");
  return {
    numbers: [...rows.flat(), ...(mix === undefined ? [] : betaQuantiles(all[mix].alpha!))],
    entries: all.length,
    moves: all.some(isMoving),
    fill: fills[0]?.fill ?? { fillMode: "nearest", fillValue: 0, interpolation: between ? "bilinear" : "nearest" },
    passes: passesOf(all),
    ...(mix !== undefined && { mixing: { entry: mix, cut: all[mix].kind === "cutMix" } }),
  };
}

/** Cut behind each blurring, which needs its neighbours' pixels as they are by then. Entries that only move are left out at both ends. */
function passesOf(all: readonly Transform[]): Pass[] {
  const blurs = all.flatMap(({ kind }, i) => (kind === "blur" ? [i] : []));
  return [...blurs, all.length].map((end, i) => {
    const start = i === 0 ? 0 : blurs[i - 1] + 1;
    const own = all.flatMap((t, at) => (at >= start && at < end && isColour(t) ? [at] : []));
    const radius = all[end]?.radius;
    return {
      first: own[0] ?? start,
      last: own.length > 0 ? own.at(-1)! + 1 : start,
      uses: [...new Set(own.map((at) => all[at].kind))],
      contrasts: own.filter((at) => all[at].kind === "contrast"),
      ...(radius !== undefined && { blur: { entry: end, radius } }),
    };
  });
}
