/** Labels that a model gives to unlabelled samples where it is sure (Lee 2013, "Pseudo-Label"). */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import type { LabelledDataset } from "../data/labelled";
import { take } from "../data/select";
import { checkSamples } from "./samples";
import { classProbabilities, type Probabilities, type ProbabilityOptions } from "./probabilities";

export interface PseudoLabelOptions extends ProbabilityOptions {
  /**
   * Probability that the likeliest class needs. Default 0.95, the threshold of FixMatch (Sohn et al. 2020, table 4 and figure 3a), where wrong
   * labels cost more than missing ones.
   */
  readonly threshold?: number;
  /**
   * Keeps as many of each class as of the rarest that has any, the surest ones. Default true: a network is surer of some classes than of
   * others, and what it is sure of would soon be most of what it is trained on.
   */
  readonly balanced?: boolean;
  /** At most so many of each class, the surest ones. Default: no limit. */
  readonly maxPerClass?: number;
  /** Default: those of the samples, or "0", "1", ... */
  readonly classNames?: readonly string[];
}

export interface PseudoLabels {
  /** The samples that got a label, in the order in which they came. */
  readonly dataset: LabelledDataset;
  /** Where these samples are among the unlabelled ones. */
  readonly indices: readonly number[];
  /** Probability of the label of each. */
  readonly confidences: readonly number[];
  /** Labels of each class id. */
  readonly counts: readonly number[];
  /** Class ids that none of the samples got: training on these labels teaches nothing of them. */
  readonly missing: readonly number[];
  readonly kept: number;
  readonly of: number;
}

/** The samples that get a label, before any data is copied. */
export type Selection = Omit<PseudoLabels, "dataset"> & { readonly labels: readonly number[] };

const who = "pseudoLabel";

/**
 * Labels unlabelled samples with the class that the model finds likeliest, where its probability reaches the threshold. The model has to be
 * compiled; labels of the samples, should there be any, are not read.
 *
 * @throws when no sample reaches the threshold, with the highest probability seen and what other thresholds would keep; when, balanced, all
 *   that do are of one class; for no samples and for shapes that do not fit the model.
 */
export async function pseudoLabel(
  model: Container,
  unlabelled: Dataset,
  options: PseudoLabelOptions = {},
): Promise<PseudoLabels> {
  const { classNames = (unlabelled as Partial<LabelledDataset>).classNames } = options;
  checkSamples(who, model, unlabelled);
  checkOptions(options);
  const probabilities = await classProbabilities(who, model, unlabelled.x, options);
  const { classes } = probabilities;
  const names = classNames ?? Array.from({ length: classes }, (_, c) => String(c));
  if (names.length !== classes)
    throw new ThawError(who, `${names.length} class names`, `${classes}, as ${model.name} has classes`);
  const { labels, ...selection } = select(probabilities, options);
  const { names: files } = unlabelled as Partial<LabelledDataset>;
  const samples = { x: unlabelled.x, shape: unlabelled.shape, ...(files && { names: files }) };
  const dataset = { ...take(samples, selection.indices), y: Int32Array.from(labels), classNames: names };
  return { dataset, ...selection };
}

function checkOptions({ threshold = 0.95, maxPerClass = 1 }: PseudoLabelOptions): void {
  if (!(threshold >= 0 && threshold <= 1))
    throw new ThawError(who, `threshold ${threshold}`, "a probability from 0 to 1");
  if (!Number.isInteger(maxPerClass) || maxPerClass < 1)
    throw new ThawError(who, `maxPerClass ${maxPerClass}`, "a whole number above 0");
}

/** @throws as `pseudoLabel` does for what was selected. */
export function select(
  { p, count, classes }: Probabilities,
  { threshold = 0.95, balanced = true, maxPerClass = Infinity }: PseudoLabelOptions = {},
): Selection {
  const best = Array.from({ length: count }, (_, n) => {
    const row = p.subarray(n * classes, (n + 1) * classes);
    const confidence = Math.max(...row);
    return { n, label: row.indexOf(confidence), confidence };
  });
  const sure = best.filter((b) => b.confidence >= threshold);
  if (sure.length === 0) throw nothingSelected(best, threshold);
  // The surest first; of equal ones the earlier.
  const ranked = sure.toSorted((a, b) => b.confidence - a.confidence || a.n - b.n);
  const groups = Array.from({ length: classes }, (_, c) => ranked.filter((b) => b.label === c));
  const some = groups.filter((g) => g.length > 0);
  if (balanced && some.length === 1)
    throw new ThawError(
      who,
      `all ${sure.length} samples above the threshold ${threshold} are of class ${sure[0].label}`,
      "samples of two classes or more",
      "Lower the threshold, or pass balanced: false to keep one class only.",
    );
  const most = Math.min(maxPerClass, balanced ? Math.min(...some.map((g) => g.length)) : Infinity);
  const kept = groups.flatMap((g) => g.slice(0, most)).toSorted((a, b) => a.n - b.n);
  const counts = groups.map((g) => Math.min(most, g.length));
  return {
    labels: kept.map((b) => b.label),
    indices: kept.map((b) => b.n),
    confidences: kept.map((b) => b.confidence),
    counts,
    missing: [...counts.keys()].filter((c) => counts[c] === 0),
    kept: kept.length,
    of: count,
  };
}

function nothingSelected(best: readonly { readonly confidence: number }[], threshold: number): ThawError {
  const highest = best.reduce((top, b) => Math.max(top, b.confidence), 0);
  const others = [0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5].filter((t) => t < threshold);
  const list = others.map((t) => `${t} keeps ${best.filter((b) => b.confidence >= t).length}`);
  return new ThawError(
    who,
    `none of ${best.length} samples reaches the threshold ${threshold}; the highest probability is ${Number(highest.toPrecision(4))}`,
    `a threshold at most that high (${list.join(", ") || "there are none to propose"})`,
    "Lower the threshold, or train the model longer before it labels.",
  );
}
