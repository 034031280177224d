/** TF.js's weights: a manifest of groups, each of some shards that are one run of bytes. */
import { ThawError } from "../../errors";
import { isObject, shown } from "../json";
import type { OpenedSource } from "../source";
import { bytesOf, toFloat32, type NumberType, type TensorFile } from "../tensors";

interface Quantization {
  readonly type: "uint8" | "uint16" | "float16";
  readonly scale: number;
  readonly min: number;
}

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /** As it stands in the file. */
  readonly type: NumberType;
  readonly quantization: Quantization | undefined;
  readonly bytes: number;
}

/** Reads the shards. @throws for a manifest that does not describe exactly the shards' bytes. */
export async function openTfjsWeights(source: OpenedSource, manifest: unknown): Promise<TensorFile> {
  const { name } = source;
  if (!Array.isArray(manifest))
    throw new ThawError(name, `its weightsManifest is ${shown(manifest)}`, "a list of groups");
  const tensors = new Map<string, { weight: Weight; data: Uint8Array }>();
  for (const group of manifest as unknown[]) {
    const { paths, weights } = readGroup(name, group);
    const parts: Uint8Array[] = [];
    for (const path of paths) parts.push(await source.sibling(path));
    const data = parts.length === 1 ? parts[0] : join(parts);
    const expected = weights.reduce((sum, w) => sum + w.bytes, 0);
    if (data.length !== expected)
      throw new ThawError(
        `${name}: ${paths.join(", ")}`,
        `${data.length} bytes`,
        `${expected} bytes, as the manifest says`,
      );
    let at = 0;
    for (const weight of weights) {
      if (tensors.has(weight.name)) throw new ThawError(name, `describes ${weight.name} twice`, "each weight once");
      tensors.set(weight.name, { weight, data: data.subarray(at, at + weight.bytes) });
      at += weight.bytes;
    }
  }
  return {
    paths: [...tensors.keys()],
    shape: (path) => tensors.get(path)?.weight.shape,
    get: (path) => {
      const found = tensors.get(path);
      return found && { shape: found.weight.shape, data: decode(found.weight, found.data) };
    },
  };
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** value = stored * scale + min. */
function decode({ type, quantization }: Weight, bytes: Uint8Array): Float32Array {
  const data = toFloat32(type, bytes);
  if (!quantization || quantization.type === "float16") return data;
  const { scale, min } = quantization;
  for (let i = 0; i < data.length; i++) data[i] = data[i] * scale + min;
  return data;
}

function readGroup(name: string, group: unknown): { paths: string[]; weights: Weight[] } {
  const paths: unknown = isObject(group) ? group.paths : undefined;
  const weights: unknown = isObject(group) ? group.weights : undefined;
  if (!Array.isArray(paths) || !paths.every((p) => typeof p === "string") || !Array.isArray(weights))
    throw new ThawError(name, `a group of its weightsManifest is ${shown(group)}`, "{ paths, weights }");
  return { paths, weights: weights.map((w: unknown) => readWeight(name, w)) };
}

function readWeight(file: string, value: unknown): Weight {
  const shape: unknown = isObject(value) ? value.shape : undefined;
  const whole = (v: unknown): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0;
  if (!isObject(value) || typeof value.name !== "string" || !Array.isArray(shape) || !shape.every(whole))
    throw new ThawError(file, `a weight of its weightsManifest is ${shown(value)}`, "{ name, shape, dtype }");
  const who = `${file}/${value.name}`;
  const quantization = readQuantization(who, value.quantization);
  const plain = ["float32", "int32", "uint8", "bool", "float16"];
  if (typeof value.dtype !== "string" || !plain.includes(value.dtype))
    throw new ThawError(who, `has the type ${shown(value.dtype)}`, plain.join(", "));
  const type = quantization?.type ?? (value.dtype as NumberType);
  const bytes = shape.reduce((a, b) => a * b, 1) * bytesOf(type);
  return { name: value.name, shape, type, quantization, bytes };
}

function readQuantization(who: string, value: unknown): Quantization | undefined {
  if (value === undefined || value === null) return undefined;
  const { dtype, scale = 1, min = 0 } = isObject(value) ? value : {};
  const numbers =
    typeof scale === "number" && typeof min === "number" && Number.isFinite(scale) && Number.isFinite(min);
  if ((dtype === "uint8" || dtype === "uint16" || dtype === "float16") && numbers) return { type: dtype, scale, min };
  throw new ThawError(who, `is quantized as ${shown(value)}`, "uint8 or uint16 with scale and min, or float16");
}
