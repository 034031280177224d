/** Forms of a workgroup's tile in the programs through workgroup memory, and which one a problem gets. */
import { ceilDiv, type Constants } from "../kernel";
import type { AdapterTraits } from "../operation";

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
  const possible = forms.filter(
    (tile) => storageOf(tile) <= adapter.maxWorkgroupStorage && invocationsOf(tile) <= adapter.maxInvocations,
  );
  const least = Math.min(...possible.map(computed));
  const fitting = possible.filter((tile) => computed(tile) <= waste * least);
  const enough = adapter.busyWorkgroups ?? defaultBusyWorkgroups;
  return fitting.find((tile) => groups * tilesOf(m, n, tile) >= enough) ?? fitting.at(-1)!;
}

/** A launch's tiles counted in workgroups of 64 invocations: what `partsFor` weighs against what keeps a GPU busy. */
export const workgroupsOf = (m: number, n: number, tile: Tile): number =>
  ceilDiv(tilesOf(m, n, tile) * invocationsOf(tile), 64);
