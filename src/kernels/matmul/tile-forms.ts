/** Forms of a workgroup's tile in the programs through workgroup memory, and which one a problem gets. */
import { ceilDiv, type Constants } from "../kernel";
import { VariantUnfit, type AdapterTraits } from "../operation";
import { partsFor } from "./parts";

export interface Tile {
  /** Rows and columns of the result that a workgroup computes. */
  readonly rows: 32 | 64 | 128;
  readonly columns: 32 | 64 | 128;
  /** Columns of one invocation, which has eight rows of each. */
  readonly columnsEach: 4 | 8;
}

/**
 * Largest first. Every value that is brought to workgroup memory serves as many multiply-adds as the tile has columns (of x)
 * or rows (of w), so large tiles ask least of caches; but they are few, and repeat more at the edges. None has fewer than 64
 * invocations, which would leave half of a wave of AMD's idle, and each leaves a GPU eight waves for each of its schedulers:
 * with eight columns registers are the limit, and narrow tiles have four because workgroup memory would be.
 */
export const tileForms: readonly Tile[] = [
  { rows: 128, columns: 128, columnsEach: 8 },
  { rows: 128, columns: 64, columnsEach: 8 },
  { rows: 64, columns: 64, columnsEach: 8 },
  { rows: 128, columns: 32, columnsEach: 4 },
  { rows: 64, columns: 32, columnsEach: 4 },
  { rows: 32, columns: 64, columnsEach: 4 },
];

/** What may be chosen otherwise than `tileFor` and `partsFor` do. */
export interface TileForm {
  readonly tile?: Tile;
  /** How many workgroups to cut a long sum for, as a share of the default. */
  readonly share?: number;
}

/** Choices that an autotuner may time: tiles by name, and other numbers of parts. */
export const timedForms: Readonly<Record<string, TileForm>> = {
  ...Object.fromEntries(tileForms.map((tile) => [`${tile.rows}x${tile.columns}`, { tile }])),
  moreParts: { share: 4 },
  fewerParts: { share: 1 / 4 },
};

/** The forms of programs with packed f16 arithmetic, which keep a run in f16 beside each sum and so have four columns always. */
export const packedForms: readonly Tile[] = tileForms
  .filter(({ columns }) => columns <= 64)
  .map((tile): Tile => ({ ...tile, columnsEach: 4 }));

/** Terms of the sum that lie in workgroup memory at a time. */
export const stepsOfTile = 16;

export const tileConstants = (tile: Tile): Constants => ({
  TILE_ROWS: tile.rows,
  TILE_COLUMNS: tile.columns,
  COLUMNS_EACH: tile.columnsEach,
});

/** The same for programs of `packedForms`. */
export const packedConstants = (tile: Tile): Constants => ({ TILE_ROWS: tile.rows, TILE_COLUMNS: tile.columns });

export const invocationsOf = (tile: Tile): number => (tile.rows * tile.columns) / (8 * tile.columnsEach);

/** Bytes of workgroup memory: rows of x have a vector of padding. */
export const storageOf = ({ rows, columns }: Tile): number => 4 * (rows * (stepsOfTile + 4) + columns * stepsOfTile);

export const tilesOf = (m: number, n: number, tile: Tile): number => ceilDiv(m, tile.rows) * ceilDiv(n, tile.columns);

const runsOn = (tile: Tile, adapter: AdapterTraits): boolean =>
  storageOf(tile) <= adapter.maxWorkgroupStorage && invocationsOf(tile) <= adapter.maxInvocations;

/** Where the adapter's traits do not say. */
const defaultBusyWorkgroups = 128;

/** How much more than the form that fits best a form may compute for nothing at the edges. */
const waste = 1.1;

/**
 * The largest form that the adapter can run, that fits the result almost as well as any, and of which there are many; the
 * last that fits where there are few of each.
 *
 * @param groups results of m x n that one launch computes.
 */
export function tileFor(
  m: number,
  n: number,
  adapter: AdapterTraits,
  groups = 1,
  forms: readonly Tile[] = tileForms,
): Tile {
  const computed = (tile: Tile) => tilesOf(m, n, tile) * tile.rows * tile.columns;
  const possible = forms.filter((tile) => runsOn(tile, adapter));
  const least = Math.min(...possible.map(computed));
  const fitting = possible.filter((tile) => computed(tile) <= waste * least);
  const enough = adapter.busyWorkgroups ?? defaultBusyWorkgroups;
  return fitting.find((tile) => groups * tilesOf(m, n, tile) >= enough) ?? fitting.at(-1)!;
}

/** A launch's tiles counted in workgroups of 64 invocations: what `partsFor` weighs against what keeps a GPU busy. */
export const workgroupsOf = (m: number, n: number, tile: Tile): number =>
  ceilDiv(tilesOf(m, n, tile) * invocationsOf(tile), 64);

/** The tile of a form, or `tileFor`'s. @throws VariantUnfit where the adapter cannot run it or half of it would lie outside. */
export function tileOf(
  form: TileForm | undefined,
  m: number,
  n: number,
  adapter: AdapterTraits,
  groups = 1,
  forms: readonly Tile[] = tileForms,
): Tile {
  const { tile } = form ?? {};
  if (!tile) return tileFor(m, n, adapter, groups, forms);
  const { rows, columns } = tile;
  if (!runsOn(tile, adapter)) throw new VariantUnfit(`a tile of ${rows} x ${columns} is too large for the adapter`);
  if ((columns > 32 && n <= columns / 2) || (rows > 32 && m <= rows / 2))
    throw new VariantUnfit(`a tile of ${rows} x ${columns} would be half empty`);
  return tile;
}

/** `partsFor` a form. @throws VariantUnfit where another share changes nothing. */
export function partsOf(
  form: TileForm | undefined,
  steps: number,
  workgroups: number,
  adapter: AdapterTraits,
): ReturnType<typeof partsFor> {
  const usual = partsFor(steps, workgroups, stepsOfTile, adapter);
  if (form?.share === undefined) return usual;
  const other = partsFor(steps, workgroups, stepsOfTile, adapter, 1, form.share);
  if (other.parts === usual.parts) throw new VariantUnfit("the sum would have as many parts as it has anyway");
  return other;
}

/** @throws VariantUnfit for a form that is about parts, where sums are not cut. */
export function needNoParts(form: TileForm | undefined): void {
  if (form?.share !== undefined) throw new VariantUnfit("sums are not cut into parts here");
}
