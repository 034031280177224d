/** Medians of interleaved runs: A B A B ..., so that what else the machine does falls on both alike. */
export interface Timed {
  /** Milliseconds. */
  readonly median: number;
  /** Half the distance between the quartiles. */
  readonly spread: number;
  readonly runs: number;
}

export interface Contestant {
  readonly name: string;
  /** One run, finished on the GPU when it resolves. */
  readonly run: () => Promise<void>;
  /** Runs in a row that are timed as one, for what is too short for the clock. */
  readonly repeat?: number;
}

const quantile = (sorted: readonly number[], q: number): number => {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
};

export function summarise(times: readonly number[]): Timed {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2,
    runs: times.length,
  };
}

/** @param rounds timed rounds, after one that is not. */
export async function interleave(contestants: readonly Contestant[], rounds: number): Promise<Record<string, Timed>> {
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, run, repeat = 1 } of contestants) {
      const begin = performance.now();
      for (let i = 0; i < repeat; i++) await run();
      if (round >= 0) times.get(name)!.push((performance.now() - begin) / repeat);
    }
  }
  return Object.fromEntries([...times].map(([name, all]) => [name, summarise(all)]));
}
