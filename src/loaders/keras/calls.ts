/** How a layer is called, in the layouts of Keras 1 to 3, brought to one form. */
import { ThawError } from "../../errors";
import { shown } from "../json";
import { isObject, readHistory, readTensor, type History } from "./json";

/** A tensor, or a constant that stands in its place. */
export type Argument = { readonly tensor: History } | { readonly constant: unknown };

export interface CallSpec {
  readonly positional: readonly Argument[];
  readonly named: ReadonlyMap<string, Argument>;
}

/**
 * One entry of `inbound_nodes`: Keras 3's `{ args, kwargs }`, or the older `[[layer, call, output, kwargs], ...]`, which may
 * also be a single reference.
 */
export function readCall(who: string, node: unknown): CallSpec {
  if (isObject(node)) return readNewCall(node);
  if (!Array.isArray(node)) throw new ThawError(who, `is called with ${shown(node)}`, "references to other layers");
  const references: unknown[] = typeof node[0] === "string" ? [node] : node;
  const named = new Map<string, Argument>();
  const positional = references.map((reference): Argument => {
    if (!Array.isArray(reference) || typeof reference[0] !== "string")
      throw new ThawError(who, `is called with ${shown(reference)}`, "references [layer, call, output]");
    if (isObject(reference[3])) {
      for (const [key, value] of Object.entries(reference[3])) named.set(key, oldArgument(value));
    }
    return oldArgument(reference);
  });
  return { positional, named };
}

/** TensorFlow's Keras writes numbers among tensors as ["_CONSTANT_VALUE", -1, number]. */
function oldArgument(value: unknown): Argument {
  const history = Array.isArray(value) && value.length >= 3 ? readHistory(value) : undefined;
  if (!history) return { constant: value };
  return history.layer === "_CONSTANT_VALUE" ? { constant: (value as unknown[])[2] } : { tensor: history };
}

function readNewCall(node: Readonly<Record<string, unknown>>): CallSpec {
  const argument = (value: unknown): Argument => {
    const tensor = readTensor(value);
    return tensor ? { tensor } : { constant: value };
  };
  const args = Array.isArray(node.args) ? node.args : [];
  const kwargs = isObject(node.kwargs) ? node.kwargs : {};
  // A list of tensors (Add, Concatenate) is as good as several arguments; a list of numbers is one argument.
  const isTensors = (value: unknown): value is unknown[] =>
    Array.isArray(value) && value.length > 0 && value.every((v) => readTensor(v));
  const positional = args.flatMap((value: unknown) => (isTensors(value) ? value : [value])).map(argument);
  const named = new Map(Object.entries(kwargs).map(([key, value]) => [key, argument(value)]));
  return { positional, named };
}

/** All tensors that a call reads. */
export function tensorsOf({ positional, named }: CallSpec): History[] {
  return [...positional, ...named.values()].flatMap((a) => ("tensor" in a ? [a.tensor] : []));
}

/** Names under which a layer's inputs may be given, in the order in which they are its inputs. */
const inputNames = ["inputs", "x", "input", "query", "value", "key"];

/**
 * The tensors of a call of an ordinary layer, in order, and whether it holds the layer in inference mode.
 *
 * @throws for arguments that would change what the layer computes.
 */
export function layerArguments(who: string, call: CallSpec): { inputs: History[]; training: false | undefined } {
  const inputs: History[] = [];
  const refuse = (what: string, value: unknown) =>
    new ThawError(who, `is called with ${what}${shown(value)}`, "tensors, and training = false at most");
  for (const argument of call.positional) {
    if ("tensor" in argument) inputs.push(argument.tensor);
    else if (argument.constant !== null) throw refuse("", argument.constant);
  }
  let training: false | undefined;
  const place = ([key]: readonly [string, Argument]) => inputNames.indexOf(key);
  for (const [key, argument] of [...call.named].toSorted((a, b) => place(a) - place(b))) {
    if ("tensor" in argument) {
      if (!inputNames.includes(key)) throw refuse(`the tensor ${key} = `, argument.tensor.layer);
      inputs.push(argument.tensor);
    } else if (key === "training" && argument.constant === false) training = false;
    else if (argument.constant !== null && argument.constant !== false && key !== "name")
      throw refuse(`${key} = `, argument.constant);
  }
  if (inputs.length === 0) throw new ThawError(who, "is called without tensors", "at least one");
  return { inputs, training };
}
