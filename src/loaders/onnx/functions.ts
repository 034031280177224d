/** Model-local functions, as PyTorch's dynamo exporter and ONNX Script write them: each call becomes the function's nodes. */
import { ThawError } from "../../errors";
import { functionKey, referencePrefix, type AttributeValue, type OnnxNode } from "./ir";

export interface OnnxFunction {
  readonly key: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly defaults: ReadonlyMap<string, AttributeValue>;
  readonly nodes: readonly OnnxNode[];
}

/** Functions within functions beyond this call themselves, and more nodes than this are no network. */
const maxDepth = 16;
const maxNodes = 100_000;

/** @throws for functions that call themselves, and for expansions without measure. */
export function inlineFunctions(
  name: string,
  nodes: readonly OnnxNode[],
  functions: readonly OnnxFunction[],
): readonly OnnxNode[] {
  if (functions.length === 0) return nodes;
  const byKey = new Map(functions.map((f) => [f.key, f]));
  if (byKey.size !== functions.length) throw new ThawError(name, "has two functions of one name", "one of each");
  const result: OnnxNode[] = [];
  let calls = 0;

  const expand = (list: readonly OnnxNode[], depth: number): void => {
    for (const node of list) {
      const called = byKey.get(functionKey(node.domain, node.op));
      if (!called) {
        result.push(node);
        if (result.length > maxNodes)
          throw new ThawError(name, `its functions make more than ${maxNodes} nodes`, "fewer");
        continue;
      }
      if (depth >= maxDepth)
        throw new ThawError(`${name}/${node.name}`, `functions call one another ${depth} deep`, `at most ${maxDepth}`);
      expand(bodyOf(called, node, `${node.name}#${calls++}`), depth + 1);
    }
  };
  expand(nodes, 0);
  return result;
}

/** The nodes of a function for one call: its values get the call's names, inner ones a prefix of their own. */
function bodyOf(called: OnnxFunction, call: OnnxNode, prefix: string): OnnxNode[] {
  const names = new Map<string, string>([["", ""]]);
  called.inputs.forEach((input, i) => names.set(input, call.inputs[i] ?? ""));
  called.outputs.forEach((output, i) => names.set(output, call.outputs[i] || `${prefix}/${output}`));
  const rename = (value: string) => names.get(value) ?? `${prefix}/${value}`;
  return called.nodes.map((node) => ({
    ...node,
    name: `${call.name}/${node.name}`,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: resolved(node.attributes, call, called),
  }));
}

/** Attributes that refer to the call's, replaced by those or by the function's defaults; without either they are absent. */
function resolved(
  attributes: ReadonlyMap<string, AttributeValue>,
  call: OnnxNode,
  called: OnnxFunction,
): Map<string, AttributeValue> {
  const result = new Map<string, AttributeValue>();
  for (const [key, value] of attributes) {
    if (!key.startsWith(referencePrefix)) {
      result.set(key, value);
      continue;
    }
    const given = call.attributes.get(value as string) ?? called.defaults.get(value as string);
    if (given !== undefined) result.set(key.slice(referencePrefix.length), given);
  }
  return result;
}
