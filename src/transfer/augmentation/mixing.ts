/** Transforms that mix samples of a batch, and when transforms are applied. */
import { ThawError } from "../../errors";
import { quantiles } from "../../kernels/augment/transforms";
import { checkProbability, type Sometimes, type Transform } from "./transform";

function mixing(name: string, kind: "mixUp" | "cutMix", alpha: number): Transform {
  if (!(alpha > 0 && alpha <= 1000)) throw new ThawError(name, `alpha ${alpha}`, "a number above 0, up to 1000");
  return { name, kind, numbers: [], alpha };
}

/**
 * Mixup (Zhang et al. 2018): each sample becomes a blend with another one of the batch, s of its own and 1 - s of the other's pixels and label, s drawn from
 * beta(alpha, alpha). Class ids become one value a class, and loss and accuracy change to the form that reads these. A batch of one sample has nothing to be
 * mixed with, and stays as it is.
 *
 * @param alpha default 0.2, as in Keras: most samples stay nearly themselves
 */
export const mixUp = (alpha = 0.2): Transform => mixing("mixUp", "mixUp", alpha);

/**
 * CutMix (Yun et al. 2019): a box of another sample of the batch is pasted into each, and labels are mixed by area. The box has whole pixels and lies inside of the image;
 * labels count the pixels that it has.
 *
 * @param alpha of the beta distribution that the area is drawn from; default 1 (uniform), as in Keras
 */
export const cutMix = (alpha = 1): Transform => mixing("cutMix", "cutMix", alpha);

/** Applies all of these transforms to a share of the samples, and none of them to the others. */
export function randomApply(probability: number, transforms: readonly Transform[]): Sometimes {
  checkProbability("randomApply", "probability", probability);
  if (transforms.length === 0) throw new ThawError("randomApply", "no transforms", "at least one");
  return { name: "randomApply", probability, transforms };
}

/**
 * Quantiles of beta(alpha, alpha) at 0, 1/256, ... 1: the GPU draws by looking up a uniform number here, which takes neither loops nor logarithms and
 * gives the same bits everywhere.
 *
 * Below 1/2 the distribution's integral of s^(alpha - 1) (1 - s)^(alpha - 1) is summed over even steps of s, or, where alpha is below 1
 * and that has a pole at 0, of s^alpha (by substitution the pole is gone). Above 1/2 it is its mirror image.
 */
export function betaQuantiles(alpha: number): number[] {
  const steps = 8192;
  const power = Math.min(alpha, 1);
  const end = 0.5 ** power;
  const place = (t: number) => t ** (1 / power);
  const density = (t: number) => {
    const s = place(t);
    return t ** ((alpha - power) / power) * (1 - s) ** (alpha - 1);
  };
  const sums = [0];
  for (let i = 0; i < steps; i++) {
    const [a, b] = [(i / steps) * end, ((i + 1) / steps) * end];
    sums.push(sums[i] + (density(a) + 4 * density((a + b) / 2) + density(b)) / 6);
  }
  const half = (quantiles - 1) / 2;
  let i = 0;
  const lower = Array.from({ length: half }, (_, k) => {
    const wanted = (k / half) * sums[steps];
    while (sums[i + 1] < wanted) i++;
    const rest = (wanted - sums[i]) / (sums[i + 1] - sums[i] || 1);
    return place(((i + rest) / steps) * end);
  });
  return [...lower, 0.5, ...lower.map((v) => 1 - v).toReversed()];
}
