/** Where tuned answers outlive a run. What comes back is checked: it may be old, cut off, or somebody else's. */

export interface Answer {
  readonly variant: string;
  /** Digest of the programs that were compared; the answer is void when they change. */
  readonly programs: string;
}

export type Answers = ReadonlyMap<string, Answer>;

/** Keeps answers by adapter. Both functions may fail: the caller does without. */
export interface TuningStore {
  load(adapter: string): Promise<Answers>;
  /** Adds to what is kept for the adapter, the newest last. */
  save(adapter: string, answers: Answers): Promise<void>;
}

/** The newest that are kept for an adapter: many networks' worth, about half a megabyte. */
const mostAnswers = 2000;

const longestKey = 1000; // characters
const longestName = 100;

/** Answers in what was read, without what is none. */
export function parseAnswers(kept: unknown): Map<string, Answer> {
  const answers = new Map<string, Answer>();
  if (typeof kept !== "object" || kept === null) return answers;
  for (const [key, value] of Object.entries(kept)) {
    const { variant, programs } = (value ?? {}) as Record<string, unknown>;
    const short = (text: unknown): text is string => typeof text === "string" && text.length <= longestName;
    if (key.length <= longestKey && short(variant) && short(programs)) answers.set(key, { variant, programs });
  }
  return answers;
}

/** What to keep of old and new answers: the new ones win, and the oldest go where they are too many. */
export function mergeAnswers(kept: Answers, fresh: Answers, most: number = mostAnswers): Record<string, Answer> {
  const merged = new Map(kept);
  for (const [key, answer] of fresh) {
    merged.delete(key);
    merged.set(key, answer);
  }
  return Object.fromEntries([...merged].slice(-most));
}
