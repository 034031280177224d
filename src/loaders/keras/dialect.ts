/** What older Keras meant by the same words: configurations of Keras 1 and 2 in the terms of Keras 3. */
import { ThawError } from "../../errors";
import { fromKeras1 } from "./keras1";

/** Major version of the Keras that wrote a file. */
export type Dialect = 1 | 2 | 3;

/**
 * @param version as files give it, e.g. "2.4.0"; TF.js writes "tfjs-layers 4.22.0", which speaks Keras 2.
 * @param config where there is no version: only Keras 3 (and 2.13 on) writes modules.
 */
export function dialectOf(version: string | undefined, config?: unknown): Dialect {
  const major = /^(\d+)\./.exec(version ?? "")?.[1];
  if (major === "1" || major === "2") return Number(major) as Dialect;
  if (major !== undefined) return 3;
  const text = version === undefined ? JSON.stringify(config)?.slice(0, 100_000) : undefined;
  if (text?.includes('"module"')) return 3;
  return text?.includes('"Convolution2D"') || text?.includes('"border_mode"') ? 1 : 2;
}

type Config = Record<string, unknown>;

/** Classes with another name, but the same meaning. */
export const renamed: ReadonlyMap<string, string> = new Map([
  ["BatchNormalizationV1", "BatchNormalization"],
  ["BatchNormalizationV2", "BatchNormalization"],
  ["SyncBatchNormalization", "BatchNormalization"],
]);

/**
 * A layer's class and options in today's terms.
 *
 * @param config keys in camelCase.
 * @throws for options of Keras 1 that Thaw cannot carry over.
 */
export function modernize(className: string, config: Config, dialect: Dialect): { className: string; config: Config } {
  const translated = dialect === 1 ? fromKeras1(className, config) : { className, config };
  const now = renamed.get(translated.className) ?? translated.className;
  const result: Config = { ...translated.config };
  // Null is "nothing", the default; only a normalization without axis means something by it.
  for (const key of Object.keys(result)) if (result[key] === null && key !== "axis") delete result[key];
  if (["DepthwiseConv2D", "SeparableConv2D"].includes(now) && result.groups === 1) delete result.groups;
  // clip(0.2 x + 0.5, 0, 1) until Keras 2; Keras 3 has relu6(x + 3) / 6.
  if (dialect < 3 && result.activation === "hard_sigmoid") result.activation = "hard_sigmoid_keras2";
  if (now === "BatchNormalization" && typeof result.virtualBatchSize === "number")
    throw new ThawError(String(result.name), `has virtual_batch_size = ${result.virtualBatchSize}`, "whole batches");
  return { className: now, config: result };
}
