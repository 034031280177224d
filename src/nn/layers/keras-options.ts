/** Keras's spelling of configurations and ours: `kernel_size` in files, `kernelSize` in code. */

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as null);

function mapKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), mapKeys(item, rename)]));
}

/** `{ kernel_size: [3, 3] }` -> `{ kernelSize: [3, 3] }`, through nested objects and lists; values stay as they are. */
export function camelCaseKeys(config: Readonly<Plain>): Plain {
  return mapKeys(config, (key) => key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, c: string) => c.toUpperCase())) as Plain;
}

/** The way back, for files that Keras shall read. */
export function snakeCaseKeys(config: Readonly<Plain>): Plain {
  return mapKeys(config, (key) => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)) as Plain;
}

/** Options of Keras that say nothing about what a layer computes; the batch's shape is the model's business. */
const ignored = new Set([
  "dtype",
  "dtypePolicy",
  "autocast",
  "renormClipping",
  "renormMomentum",
  "batchShape",
  "batchInputShape",
]);

/** Whether an option may be left aside: how weights begin and what is asked of them while Keras trains. */
export function isIgnorable(option: string): boolean {
  return ignored.has(option) || /(Initializer|Regularizer|Constraint)$/.test(option);
}

/** Options that Thaw has not; harmless where they have Keras's default. */
export const unsupportedDefaults: Readonly<Plain> = {
  dataFormat: "channels_last",
  synchronized: false,
  renorm: false,
  rmsScaling: false,
  invert: false,
  seed: null,
  noiseShape: null,
  loraRank: null,
  loraAlpha: null,
  quantizationConfig: null,
  sparse: false,
  ragged: false,
  optional: false,
  useGate: false,
  slidingWindow: null,
  flashAttention: null,
};
