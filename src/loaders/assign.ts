/** Tensors of a file into the parameters of a model: all checks first, then all numbers. */
import { formatShape, ThawError } from "../errors";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";
import type { StoredTensor, TensorFile } from "./tensors";

/** What one tensor of a file fills. */
export interface Assignment {
  readonly parameter: Parameter;
  /** Its name in the file. */
  readonly path: string;
  /** Brings the file's layout to the parameter's. */
  readonly convert?: (tensor: StoredTensor) => StoredTensor;
}

/** What was found for a model in a file. */
export interface Matching {
  readonly assignments: readonly Assignment[];
  /** Tensors of the file without a place in the model. */
  readonly unexpected: readonly string[];
  /** Where a file would have the tensors of parameters that it lacks, for messages. */
  readonly places?: ReadonlyMap<Parameter, string>;
  /** What else does not fit, in words. */
  readonly problems?: readonly string[];
  /** Parameters that a file may leave out. */
  readonly optional?: ReadonlySet<Parameter>;
}

export interface WeightReport {
  /** Paths of the parameters that got their values, e.g. `block_1_expand/kernel`. */
  readonly loaded: readonly string[];
  /** Paths of the parameters for which the file has nothing; they keep their values. */
  readonly missing: readonly string[];
  /** Tensors of the file for which the model has no place. */
  readonly unexpected: readonly string[];
  /** Tensors of another shape than their parameter, each in words; they were not loaded. */
  readonly misshapen: readonly string[];
}

export interface AssignOptions {
  /** Default true: anything missing, unexpected or of another shape is an error, and then nothing is changed. */
  readonly strict?: boolean;
}

/** @throws with all that does not fit, both shapes named; in any case for numbers that cannot be read. */
export function assign(
  name: string,
  model: Container,
  file: TensorFile,
  matching: Matching,
  { strict = true }: AssignOptions = {},
): WeightReport {
  const { places, optional } = matching;
  const label = (p: Parameter) => (places?.has(p) ? `${p.path} (${places.get(p)!})` : p.path);
  const unexpected = [...matching.unexpected];
  const misshapen: string[] = [];
  const found: { parameter: Parameter; data: Float32Array }[] = [];
  for (const { parameter, path, convert } of matching.assignments) {
    // Where the layout is kept, a tensor of another shape is not even read.
    const stored = file.shape(path);
    const tensor = convert || sameShape(stored, parameter.shape) ? file.get(path) : undefined;
    const converted = tensor && convert ? convert(tensor) : tensor;
    if (converted && sameShape(converted.shape, parameter.shape) && converted.data.length === parameter.count)
      found.push({ parameter, data: converted.data });
    else {
      const shape = formatShape(converted?.shape ?? stored);
      misshapen.push(`${label(parameter)} has shape ${shape}, expected ${formatShape(parameter.shape)}`);
    }
  }
  const taken = new Set(matching.assignments.map((a) => a.parameter));
  const lacking = model.allParameters().filter((p) => !taken.has(p) && !optional?.has(p));
  if (strict) {
    const problems = [
      ...(matching.problems ?? []),
      ...lacking.map((p) => `${label(p)} is missing, expected ${formatShape(p.shape)}`),
      ...misshapen,
      ...unexpected.map((path) => `${path} ${formatShape(file.shape(path))} has no place in the model`),
    ];
    if (problems.length > 0) throw refusal(name, problems, model.allParameters().length);
  }
  for (const { parameter, data } of found) parameter.value = data;
  const loaded = found.map((f) => f.parameter.path);
  return { loaded, missing: lacking.map((p) => p.path), unexpected, misshapen };
}

function refusal(name: string, problems: readonly string[], count: number): ThawError {
  const more = problems.length > 8 ? `; and ${problems.length - 8} more` : "";
  return new ThawError(
    name,
    `${problems.length} of ${count} weights do not fit: ${problems.slice(0, 8).join("; ")}${more}`,
    "exactly the weights of the model",
  );
}

const sameShape = (a: readonly number[] | undefined, b: readonly number[]): boolean =>
  a?.length === b.length && a.every((d, i) => d === b[i]);
