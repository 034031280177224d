/** Medians of interleaved runs: A B A B ..., so that what else the machine does falls on all alike. */
import type { Timed } from "../result";

export interface Contestant {
  readonly name: string;
  /** Runs `times` times in a row and resolves when all of it is finished on the GPU. */
  readonly run: (times: number) => Promise<void>;
  /**
   * Has everything compiled at less than the price of a run. With it, a first run that takes long already counts: there
   * is nothing left to warm up in it that would show.
   */
  readonly prepare?: () => Promise<void>;
}

export interface Pace {
  /** Timed rounds for whoever can have them within `seconds`. */
  readonly rounds: number;
  /** Timed rounds for everybody. */
  readonly least: number;
  /** For the timed rounds of one contestant; who is slower gets fewer rounds. */
  readonly seconds: number;
  /** What is shorter is run several times in a row and timed as one. Milliseconds. */
  readonly shortest: number;
}

/** For `--quick`: one round of what takes long, several of what does not. */
export const quickPace: Pace = { rounds: 5, least: 1, seconds: 1.5, shortest: 20 };
/** For `--quick` where its time is running out. */
export const hurriedPace: Pace = { rounds: 3, least: 1, seconds: 1, shortest: 10 };
export const fullPace: Pace = { rounds: 9, least: 5, seconds: 30, shortest: 100 };
/** For networks that a GPU has no trouble with and that take a software adapter minutes. */
export const largePace: Pace = { rounds: 9, least: 2, seconds: 60, shortest: 100 };

/** A first run that takes this long counts after `prepare`. Milliseconds. */
const long = 1000;

/** Linear between the neighbours, as NumPy does it. @param sorted ascending, not empty. @param q from 0 to 1. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = sorted[Math.min(low + 1, sorted.length - 1)];
  return sorted[low] + (at - low) * (high - sorted[low]);
}

/** @param times milliseconds, at least one. */
export function summarise(times: readonly number[]): Timed {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    fastest: sorted[0],
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2,
    runs: times.length,
  };
}

/** How often a contestant whose first run took `first` milliseconds runs: rounds, and runs in a row in each of them. */
export function schedule(first: number, pace: Pace): { rounds: number; times: number } {
  const times = Math.max(1, Math.min(64, Math.ceil(pace.shortest / Math.max(first, 0.01))));
  const affordable = Math.floor((1000 * pace.seconds) / (first * times));
  return { rounds: Math.max(pace.least, Math.min(pace.rounds, affordable)), times };
}

/** Warms every contestant up, then times them in turn. @returns by name. */
export async function interleave(contestants: readonly Contestant[], pace: Pace): Promise<Record<string, Timed>> {
  const entries = [];
  for (const contestant of contestants) {
    await contestant.prepare?.();
    const first = await timed(contestant, 1);
    const { rounds, times } = schedule(first, pace);
    const counts = contestant.prepare !== undefined && first >= long;
    entries.push({ contestant, times, rounds: counts ? rounds - 1 : rounds, all: counts ? [first] : [] });
  }
  const most = Math.max(...entries.map((e) => e.rounds));
  for (let round = 0; round < most; round++) {
    for (const { contestant, rounds, times, all } of entries)
      if (round < rounds) all.push(await timed(contestant, times));
  }
  return Object.fromEntries(entries.map(({ contestant, all }) => [contestant.name, summarise(all)]));
}

/** Times of one contestant alone, after a run that warms it up. Milliseconds. */
export async function collect(contestant: Contestant, pace: Pace): Promise<number[]> {
  const { rounds, times } = schedule(await timed(contestant, 1), pace);
  const all = [];
  for (let round = 0; round < rounds; round++) all.push(await timed(contestant, times));
  return all;
}

/** Milliseconds a run. */
async function timed({ run }: Contestant, times: number): Promise<number> {
  const begin = performance.now();
  await run(times);
  return (performance.now() - begin) / times;
}
