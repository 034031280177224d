/** Says how far training is, in lines of text. */
import type { Callback, Logs, TrainingContext } from "../../nn/trainer";
import { checkCount } from "./early-stopping";

export interface ProgressLoggerOptions {
  /** Takes a line without its end. Default `console.log`. */
  readonly print?: (line: string) => void;
  /** A line with a bar each so many steps, beside the one an epoch. Default: none. */
  readonly every?: number;
}

const barWidth = 20;

// The console is where such lines belong, unless the caller says otherwise.
// eslint-disable-next-line no-console
const toConsole = (line: string) => console.log(line);

/** `7 s`, `3 min 20 s`, `1 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const number = (value: number) => {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e4) ? value.toExponential(3) : value.toFixed(4);
};

const inWords = (logs: Logs) =>
  Object.entries(logs)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join("  ");

/**
 * Prints one line an epoch (`Epoch 2/10  24/24 steps  1.3 s  loss 0.4210  accuracy 0.8125  10.4 s left`), and with `every` a bar each so
 * many steps. Steps are reported a few late, as their results are (see `onBatchEnd`). Times count from the first epoch; what is left is an
 * estimate from the epochs and steps so far.
 */
export function progressLogger({ print = toConsole, every = 0 }: ProgressLoggerOptions = {}): Callback {
  checkCount("progressLogger", "every", every, 0);
  let trainStart: number | undefined;
  let epochStart = 0;
  let epochNow = 0;
  let step = 0;
  const left = (epochsDone: number, { epochs }: TrainingContext) =>
    ((performance.now() - trainStart!) / 1000 / epochsDone) * (epochs - epochsDone);
  const head = (epoch: number, { epochs }: TrainingContext) => `Epoch ${epoch + 1}/${epochs}`;
  let reported = -1;
  return {
    onTrainBegin() {
      trainStart = undefined;
      reported = -1;
    },
    onFeatures(done, count) {
      const tenth = Math.floor((10 * done) / count);
      if (tenth === reported) return;
      reported = tenth;
      print(`Features ${done}/${count} samples`);
    },
    onEpochBegin(epoch) {
      epochStart = performance.now();
      trainStart ??= epochStart;
      epochNow = epoch;
      step = 0;
    },
    onBatchEnd(_, logs, context) {
      step++;
      if (every === 0 || step % every !== 0) return;
      const { stepsPerEpoch } = context;
      const share = step / stepsPerEpoch;
      const full = Math.round(share * barWidth);
      const bar = "=".repeat(full).padEnd(barWidth, ".");
      const rest = formatSeconds(left(epochNow + share, context));
      print(`${head(epochNow, context)}  ${step}/${stepsPerEpoch} [${bar}]  ${inWords(logs)}  ${rest} left`);
    },
    onEpochEnd(epoch, logs, context) {
      const { stepsPerEpoch, epochs } = context;
      const took = formatSeconds((performance.now() - epochStart) / 1000);
      const rest = epoch + 1 < epochs ? `  ${formatSeconds(left(epoch + 1, context))} left` : "";
      print(`${head(epoch, context)}  ${step}/${stepsPerEpoch} steps  ${took}  ${inWords(logs)}${rest}`);
    },
    onTrainEnd({ reason, ended, epochs }) {
      if (ended !== "finished") print(`Ended after ${epochs} epochs: ${reason ?? ended}`);
    },
  };
}
