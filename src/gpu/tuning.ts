/**
 * Answers of the autotuner: which variant was fastest on this adapter, for single problems. Here they are only names, kept
 * from one run to the next; what they mean is known to the kernels.
 */
import { ThawError } from "../errors";
import type { Answer, TuningStore } from "./tuning-store";
import { within } from "./within";

/** Problem -> variant. Plain data, to be written to a file and given to `requestGpu` again. */
export type TuningTable = Readonly<Record<string, string>>;

export interface TuningOptions {
  /**
   * Milliseconds that a plan may spend on timing before it first runs, compilation included; what did not get its turn is
   * left for the next plan. Default 400 on a GPU and 0 on a software adapter, where timing takes seconds. With 0 nothing is
   * timed and stored answers are used.
   */
  readonly budget?: number;
  /** Where answers are kept; `false` for nowhere. Default: IndexedDB in a page, a file in Node (`~/.cache/thaw/tuning.json`). */
  readonly store?: TuningStore | false;
  /** Pins the answers: nothing is timed, read or kept, and problems that are not in the table get the usual variant. */
  readonly table?: TuningTable;
}

/**
 * "auto": time on GPUs and keep the answers. "off": neither time nor use any. Or how to do it. With "off" and with a pinned
 * table the same seed gives the same bits on the same adapter, always; with "auto" from the run on that finds nothing to time.
 */
export type TuningSetting = "auto" | "off" | TuningOptions;

/** Milliseconds; on a GPU some ten problems with six candidates each, and the compilation of their programs. */
const usualBudget = 400;

/** @throws ThawError for settings that contradict each other. */
export function parseTuning(setting: TuningSetting): TuningOptions {
  if (setting === "auto") return {};
  if (setting === "off") return { table: {} };
  const { budget = 0, store, table } = setting;
  if (!(budget >= 0)) throw new ThawError("tuning", `budget ${budget}`, "milliseconds, 0 or more");
  if (table && (budget || store)) {
    const remedy = "Leave table out to time, or budget and store to pin.";
    throw new ThawError("tuning", "a table together with a budget or a store", "one of them", remedy);
  }
  return setting;
}

export class Tuning {
  /** Counts changes, so that whoever made something of the table knows when it is old. */
  revision = 0;
  /** Why answers could not be read or kept; training goes on without. */
  problem: string | undefined;
  /** Problems that the tuner need not look at again in this run. */
  readonly settled = new Set<string>();
  readonly #answers = new Map<string, Answer>();
  #table: TuningTable | undefined;
  #unsaved = false;

  readonly #adapter: string;
  readonly #store: TuningStore | undefined;

  private constructor(
    /** Milliseconds a plan. */
    readonly budget: number,
    /** Whether the table was given and stays as it is. */
    readonly pinned: boolean,
    adapter: string,
    store: TuningStore | undefined,
  ) {
    this.#adapter = adapter;
    this.#store = store;
  }

  /** Reads what is kept for the adapter. A store that fails or does not answer within a second is not used. */
  static async open(
    { budget, store, table }: TuningOptions,
    adapter: { readonly key: string; readonly software: boolean },
  ): Promise<Tuning> {
    const milliseconds = table ? 0 : (budget ?? (adapter.software ? 0 : usualBudget));
    const place = table || store === false ? undefined : (store ?? platformStore());
    const tuning = new Tuning(milliseconds, table !== undefined, adapter.key, place);
    for (const [key, variant] of Object.entries(table ?? {})) tuning.set(key, { variant, programs: "" });
    await tuning.#load();
    return tuning;
  }

  async #load(): Promise<void> {
    if (!this.#store) return;
    try {
      const answers = await within(1000, this.#store.load(this.#adapter));
      for (const [key, answer] of answers) this.set(key, answer);
    } catch (error) {
      this.problem = `tuned answers could not be read: ${String(error)}`;
    }
    this.#unsaved = false;
  }

  /** All answers as a table. */
  get table(): TuningTable {
    return (this.#table ??= Object.fromEntries([...this.#answers].map(([key, { variant }]) => [key, variant])));
  }

  /** Number of answers. */
  get size(): number {
    return this.#answers.size;
  }

  get(key: string): Answer | undefined {
    return this.#answers.get(key);
  }

  set(key: string, answer: Answer): void {
    this.#answers.delete(key); // the newest last, as stores drop the oldest
    this.#answers.set(key, answer);
    this.#changed();
  }

  delete(key: string): void {
    if (this.#answers.delete(key)) this.#changed();
  }

  #changed(): void {
    this.revision++;
    this.#table = undefined;
    this.#unsaved = true;
  }

  /** Keeps what is new. A store that fails is only noted: training does not depend on it. */
  async save(): Promise<void> {
    if (!this.#store || !this.#unsaved) return;
    this.#unsaved = false;
    try {
      await within(1000, this.#store.save(this.#adapter, this.#answers));
    } catch (error) {
      this.problem = `tuned answers could not be kept: ${String(error)}`;
    }
  }
}

/** IndexedDB where there is one, a file in Node, else nothing; loaded when it is asked, as only one of them is ever used. */
function platformStore(): TuningStore | undefined {
  const inNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
  const open =
    typeof indexedDB !== "undefined"
      ? async () => (await import("./tuning-database")).databaseStore()
      : inNode
        ? async () => (await import("./tuning-file")).fileStore()
        : undefined;
  return (
    open && {
      load: async (adapter) => await (await open()).load(adapter),
      save: async (adapter, answers) => await (await open()).save(adapter, answers),
    }
  );
}
