/** Reading a node's attributes, with defaults and errors that name node and attribute. */
import { ThawError } from "../../errors";
import { isHost, type HostTensor } from "./host-tensor";
import type { OnnxNode } from "./ir";

export const describe = (node: OnnxNode): string => `${node.name} (${node.op})`;

function wrong(node: OnnxNode, key: string, expected: string): ThawError {
  const value = node.attributes.get(key);
  const received =
    value === undefined
      ? "missing"
      : typeof value === "object" && !Array.isArray(value)
        ? "a tensor or graph"
        : JSON.stringify(value);
  return new ThawError(describe(node), `${key} is ${received}`, expected);
}

export function numberOf(node: OnnxNode, key: string, fallback?: number): number {
  const value = node.attributes.get(key) ?? fallback;
  if (typeof value !== "number" || Number.isNaN(value)) throw wrong(node, key, "a number");
  return value;
}

export function wholeOf(node: OnnxNode, key: string, fallback?: number): number {
  const value = numberOf(node, key, fallback);
  if (!Number.isSafeInteger(value)) throw wrong(node, key, "a whole number");
  return value;
}

export const flagOf = (node: OnnxNode, key: string, fallback = false): boolean =>
  wholeOf(node, key, fallback ? 1 : 0) !== 0;

export function textOf(node: OnnxNode, key: string, fallback: string): string {
  const value = node.attributes.get(key) ?? fallback;
  if (typeof value !== "string") throw wrong(node, key, "a text");
  return value;
}

/** Numbers, or undefined where the attribute is absent. */
export function numbersOf(node: OnnxNode, key: string): readonly number[] | undefined {
  const value = node.attributes.get(key);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((v) => typeof v === "number")) throw wrong(node, key, "a list of numbers");
  return value;
}

export function tensorOf(node: OnnxNode, key: string): HostTensor | undefined {
  const value = node.attributes.get(key);
  if (value === undefined) return undefined;
  if (!isHost(value)) throw wrong(node, key, "a tensor");
  return value;
}

/** An axis counted from 0. */
export function axisOf(node: OnnxNode, axis: number, rank: number): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(index) || index < 0 || index >= rank)
    throw new ThawError(describe(node), `axis ${axis} of a tensor with ${rank} dimensions`, `-${rank} to ${rank - 1}`);
  return index;
}
