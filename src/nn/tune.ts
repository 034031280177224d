/**
 * The autotuner: which problems of a plan are timed, in what order and for how long, and what the times decide. The clock and
 * the GPU are handed in.
 */
import type { Answer } from "../gpu/tuning-store";
import type { AdapterTraits } from "../kernels/operation";
import { findOperation } from "../kernels/registry";
import { candidatesFor, digestOf, type Candidate } from "../kernels/tuning";
import type { PlanProblem } from "./compile/problems";

/** Runs candidates on the GPU. */
export interface CandidateTimer {
  /** Compiles the candidates of one problem and gives them memory. */
  prepare(problem: PlanProblem, candidates: readonly Candidate[]): Promise<PreparedCandidates>;
}

export interface PreparedCandidates {
  /** Whether each candidate can be run: it compiled, and nothing was wrong with it. */
  readonly valid: readonly boolean[];
  /** Runs candidates one after the other, each `repeats` times in a row; microseconds that each row took. */
  round(runs: readonly { readonly candidate: number; readonly repeats: number }[]): Promise<number[]>;
  dispose(): void;
}

export interface TuneRequest {
  /** The heaviest first. */
  readonly problems: readonly PlanProblem[];
  readonly adapter: AdapterTraits;
  /** Answers from before. */
  readonly known: (key: string) => Answer | undefined;
  /** Keys that need no second look in this run: their answers are up to date, or there is no choice. Grows. */
  readonly settled?: Set<string>;
  readonly timer: CandidateTimer;
  /** Milliseconds. */
  readonly budget: number;
  /** Milliseconds; default: `performance.now`. */
  readonly now?: () => number;
}

export interface TimedCandidate {
  readonly variant: string;
  /** A run; absent where the candidate failed. Candidates that were far behind are timed once only. */
  readonly microseconds?: number;
}

export interface TunedProblem {
  readonly problem: PlanProblem;
  /** The first is what `select` names. Empty where the answer was known. */
  readonly candidates: readonly TimedCandidate[];
  readonly answer: Answer;
}

export interface TuningResult {
  readonly timed: readonly TunedProblem[];
  /** Answered before. */
  readonly known: readonly TunedProblem[];
  /** Keys of problems whose stored answer is void, because their programs have changed. */
  readonly changed: readonly string[];
  /** Problems that did not get their turn. */
  readonly left: readonly PlanProblem[];
  /** Candidates that did not compile or were refused by the GPU. */
  readonly failed: number;
  readonly milliseconds: number;
}

/** A candidate is taken when it is faster than the usual variant by this share, so that noise decides nothing. */
export const margin = 0.05;

/** Problems that are less than this share of a step are not worth a turn. */
const leastShare = 0.001;

/** Timestamps may be rounded to 100 microseconds: what is timed lasts twenty times that. */
const leastSpan = 2000; // microseconds
const clockStep = 100; // microseconds
const mostRepeats = 200;

/** Repeats of the first look, and how far behind it leaves a candidate out of the rounds that count. */
const firstRepeats = 8;
const farBehind = 1.5;

/** Timed rounds, of which the median counts: more where a gain is not clear after the first. */
const leastRounds = 3;
const mostRounds = 7;

export async function tune(request: TuneRequest): Promise<TuningResult> {
  const {
    problems,
    adapter,
    known: before,
    settled = new Set(),
    timer,
    budget,
    now = () => performance.now(),
  } = request;
  const started = now();
  const outOfTime = () => now() - started >= budget;
  const whole = problems.reduce((sum, p) => sum + p.weight, 0);
  const [timed, known]: TunedProblem[][] = [[], []];
  const left: PlanProblem[] = [];
  const changed: string[] = [];
  let failed = 0;
  for (const problem of problems) {
    const { key, attrs, shapes, weight } = problem;
    const answer = before(key);
    if (settled.has(key)) {
      if (answer) known.push({ problem, candidates: [], answer });
      continue;
    }
    if (!answer && (outOfTime() || weight < leastShare * whole)) {
      if (outOfTime()) left.push(problem);
      continue;
    }
    const candidates = candidatesFor(findOperation(problem.op), attrs, shapes, adapter);
    const programs = await digestOf(candidates);
    if (candidates.length < 2 || answer?.programs === programs) {
      settled.add(key);
      if (answer?.programs === programs) known.push({ problem, candidates: [], answer });
      continue;
    }
    if (answer) changed.push(key);
    if (outOfTime()) {
      left.push(problem);
      continue;
    }
    const times = await timeCandidates(timer, problem, candidates, outOfTime);
    failed += times.failed;
    if (times.fastest === undefined) left.push(problem);
    else timed.push({ problem, candidates: times.candidates, answer: { variant: times.fastest, programs } });
    if (times.fastest !== undefined) settled.add(key);
  }
  return { timed, known, changed, left, failed, milliseconds: now() - started };
}

interface Times {
  readonly candidates: readonly TimedCandidate[];
  /** Undefined where time ran out, or nothing ran. */
  readonly fastest: string | undefined;
  readonly failed: number;
}

async function timeCandidates(
  timer: CandidateTimer,
  problem: PlanProblem,
  candidates: readonly Candidate[],
  outOfTime: () => boolean,
): Promise<Times> {
  const prepared = await timer.prepare(problem, candidates);
  try {
    const { valid } = prepared;
    const failed = valid.filter((v) => !v).length;
    const all = candidates.map((_, i) => i).filter((i) => valid[i]);
    const microseconds = await timeAll(prepared, all, outOfTime);
    const timed = candidates.map(({ variant }, i) => {
      const time = microseconds?.get(i);
      return time === undefined ? { variant } : { variant, microseconds: time };
    });
    return { candidates: timed, fastest: microseconds && decide(timed), failed };
  } finally {
    prepared.dispose();
  }
}

/** The fastest, if it beats the first by the margin or the first has failed; else the first. */
export function decide(candidates: readonly TimedCandidate[]): string | undefined {
  const [usual] = candidates;
  const ran = candidates.filter((c) => c.microseconds !== undefined);
  if (ran.length === 0) return undefined;
  const best = ran.reduce((a, b) => (b.microseconds! < a.microseconds! ? b : a));
  if (usual.microseconds === undefined) return best.variant;
  return best.microseconds! < (1 - margin) * usual.microseconds ? best.variant : usual.variant;
}

/** Microseconds of a run of each candidate; undefined when time ran out before the rounds were done. */
async function timeAll(
  prepared: PreparedCandidates,
  all: readonly number[],
  outOfTime: () => boolean,
): Promise<Map<number, number> | undefined> {
  // The first run touches memory and wakes the adapter; how long it takes says how often the second may repeat.
  const warm = await prepared.round(all.map((candidate) => ({ candidate, repeats: 1 })));
  if (outOfTime()) return undefined;
  const looks = all.map((candidate, i) => ({ candidate, repeats: warm[i] < leastSpan / 2 ? firstRepeats : 1 }));
  const spans = await prepared.round(looks);
  // A span below the clock's step says no more than that.
  const seen = looks.map(({ repeats }, i) => Math.max(spans[i], clockStep / 2) / repeats);
  const times = new Map(all.map((candidate, i) => [candidate, seen[i]]));
  const fastest = Math.min(...seen);
  const runs = all
    .map((candidate, i) => ({
      candidate,
      repeats: Math.min(mostRepeats, Math.max(1, Math.ceil(leastSpan / seen[i]))),
    }))
    .filter((run, i) => run.candidate === 0 || seen[i] <= farBehind * fastest);
  if (runs.length < 2) return times; // nothing comes near the usual variant
  const samples = runs.map((): number[] => []);
  for (let round = 1; round <= mostRounds; round++) {
    if (outOfTime()) return undefined;
    const took = await prepared.round(runs);
    runs.forEach(({ candidate, repeats }, i) => {
      samples[i].push(took[i] / repeats);
      times.set(candidate, median(samples[i]));
    });
    if (round >= leastRounds && isClear(runs, samples)) break;
  }
  return times;
}

/**
 * Whether more rounds would be wasted: nothing beats the usual variant by the margin, or something does in every single
 * round. Where something else on the machine got in the way, samples overlap, and it takes more of them.
 */
function isClear(runs: readonly { readonly candidate: number }[], samples: readonly (readonly number[])[]): boolean {
  const usual = samples[runs.findIndex(({ candidate }) => candidate === 0)] as readonly number[] | undefined;
  if (!usual) return true;
  const best = samples.reduce((a, b) => (median(b) < median(a) ? b : a));
  const gains = median(best) < (1 - margin) * median(usual);
  return !gains || Math.max(...best) < (1 - margin) * Math.min(...usual);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
