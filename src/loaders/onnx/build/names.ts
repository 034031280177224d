/** Names of layers: those of the modules that the weights belonged to, else the exporter's names of nodes, made readable. */
import { snakeCase } from "../../../nn/layer";
import type { HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";

/** `layer1.0.conv1.weight` -> `layer1.0.conv1`; undefined where the exporter made the name up. */
export function moduleOf(weight: string | undefined): string | undefined {
  if (weight === undefined || weight.includes("::")) return undefined;
  const match =
    /^(.+)[./](weight|bias|kernel|gamma|beta|running_mean|running_var|depthwise_kernel|pointwise_kernel)(:\d+)?$/.exec(
      weight,
    );
  return match?.[1];
}

/** `/layer1/layer1.0/conv1/Conv` -> `layer1.0.conv1`: scopes of PyTorch repeat what they lie in. */
export function readableName(node: OnnxNode): string {
  const parts = node.name
    .replace(/^node_/, "")
    .split("/")
    .filter((part) => part !== "");
  const path: string[] = [];
  for (const part of parts) {
    if (path.length > 0 && part.startsWith(`${path.at(-1)!}.`)) path[path.length - 1] = part;
    else path.push(part);
  }
  const operation = /^([A-Za-z]+)(_\d+)?$/.exec(path.at(-1) ?? "");
  if (parts.length > 1 && operation && operation[1] === node.op) {
    path.pop();
    const own = snakeCase(node.op);
    if (!(path.at(-1) ?? "").toLowerCase().split(".").at(-1)!.includes(own)) path.push(own);
  }
  return path.join(".") || snakeCase(node.op);
}

/** Gives each layer a name of its own. */
export class Names {
  /** Names that were given, and what each was to be. */
  readonly wanted = new Map<string, string>();

  /** @param own whether the file is one of Thaw's: `block_1/conv/Conv_1` is part of the layer block_1/conv. */
  constructor(readonly own = false) {}

  take(wanted: string): string {
    let name = wanted;
    for (let n = 1; this.wanted.has(name); n++) name = `${wanted}_${n}`;
    this.wanted.set(name, wanted);
    return name;
  }

  /** For a node with these weights. */
  of(node: OnnxNode, weights: readonly (HostTensor | undefined)[] = []): string {
    const end = node.name.lastIndexOf("/");
    if (this.own && end > 0) return this.take(node.name.slice(0, end));
    const modules = weights.map((w) => moduleOf(w?.weight)).filter((m) => m !== undefined);
    return this.take(modules[0] ?? readableName(node));
  }
}
