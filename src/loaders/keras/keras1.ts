/** Layers of Keras 1 in the words of Keras 2: other names of classes and options, the same computations. */
import { ThawError } from "../../errors";

type Config = Record<string, unknown>;

const classes: ReadonlyMap<string, string> = new Map([
  ["Convolution2D", "Conv2D"],
  ["AtrousConvolution2D", "Conv2D"],
  ["SeparableConvolution2D", "SeparableConv2D"],
]);

/** Class names that only Keras 1 had. */
export const keras1Classes: readonly string[] = [...classes.keys(), "Merge"];

/** Options with another name. */
const options: ReadonlyMap<string, string> = new Map([
  ["nbFilter", "filters"],
  ["subsample", "strides"],
  ["borderMode", "padding"],
  ["outputDim", "units"],
  ["bias", "useBias"],
  ["p", "rate"],
  ["atrousRate", "dilationRate"],
  ["concatAxis", "axis"],
]);

/** What says how Keras 1 trained or was built, and nothing about what a layer computes. */
const dropped = new Set([
  "init",
  "betaInit",
  "gammaInit",
  "inputDim",
  "inputDtype",
  "inputLength",
  "mode",
  "activityRegularizer",
  "bRegularizer",
  "wRegularizer",
  "bConstraint",
  "wConstraint",
]);

const merges: ReadonlyMap<unknown, string> = new Map([
  ["sum", "Add"],
  ["mul", "Multiply"],
  ["ave", "Average"],
  ["max", "Maximum"],
  ["concat", "Concatenate"],
]);

/** @throws for what Keras 1 had and Thaw has not. */
export function fromKeras1(className: string, config: Config): { className: string; config: Config } {
  const who = typeof config.name === "string" ? config.name : className;
  if (config.dimOrdering === "th")
    throw new ThawError(
      who,
      'has dim_ordering = "th" (channels first)',
      '"tf" (channels last)',
      "Convert the model with Keras 2 first.",
    );
  if (className === "BatchNormalization" && (config.mode ?? 0) !== 0)
    throw new ThawError(who, `has mode = ${JSON.stringify(config.mode)}`, "0, normalization by channels");
  const merged = className === "Merge" ? merges.get(config.mode) : undefined;
  if (className === "Merge" && !merged)
    throw new ThawError(who, `merges by ${JSON.stringify(config.mode)}`, [...merges.keys()].join(", "));
  const result: Config = {};
  for (const [key, value] of Object.entries(config)) {
    if (key === "dimOrdering") result.dataFormat = "channels_last";
    else if (!dropped.has(key) && !(merged && !["name", "trainable", "concatAxis"].includes(key)))
      result[options.get(key) ?? key] = value;
  }
  if (result.nbRow !== undefined) {
    result.kernelSize = [result.nbRow, result.nbCol];
    delete result.nbRow;
    delete result.nbCol;
  }
  if (merged && merged !== "Concatenate") delete result.axis;
  if (className === "ZeroPadding2D" && Array.isArray(result.padding) && result.padding.length === 4) {
    const [top, bottom, left, right] = result.padding as unknown[];
    result.padding = [
      [top, bottom],
      [left, right],
    ];
  }
  if (className !== "Softmax" && className !== "Concatenate" && result.dataFormat && !takesLayout.has(className))
    delete result.dataFormat;
  return { className: merged ?? classes.get(className) ?? className, config: result };
}

/** Classes that have a layout option today; Keras 1 wrote `dim_ordering` for these. */
const takesLayout = new Set([
  "Convolution2D",
  "AtrousConvolution2D",
  "SeparableConvolution2D",
  "MaxPooling2D",
  "AveragePooling2D",
  "GlobalAveragePooling2D",
  "GlobalMaxPooling2D",
  "ZeroPadding2D",
  "Cropping2D",
  "UpSampling2D",
]);
