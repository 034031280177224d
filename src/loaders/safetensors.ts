/** safetensors: a JSON header with names, types, shapes and places, then the numbers. */
import { ThawError } from "../errors";
import { maxSafetensorsHeader } from "./format";
import { isObject, parseJson, shown } from "./json";
import { bytesOf, toFloat32, type NumberType, type TensorFile } from "./tensors";

const types: ReadonlyMap<string, NumberType> = new Map([
  ["F64", "float64"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["I16", "int16"],
  ["I8", "int8"],
  ["U64", "uint64"],
  ["U32", "uint32"],
  ["U16", "uint16"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);

interface Entry {
  readonly type: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** @throws for a header that does not describe exactly the bytes behind it. */
export function openSafetensors(name: string, bytes: Uint8Array): TensorFile {
  const refuse = (happened: string, expected: string) =>
    new ThawError(name, happened, expected, "The file is truncated or damaged; get it again.");
  if (bytes.length < 8) throw refuse(`has ${bytes.length} bytes`, "a safetensors file");
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > maxSafetensorsHeader || 8 + length > bytes.length)
    throw refuse(`declares a header of ${length} bytes in a file of ${bytes.length}`, "a header within the file");
  const header = parseJson(`${name}: header`, bytes.subarray(8, 8 + length));
  const data = bytes.subarray(8 + length);
  const entries = new Map<string, Entry>();
  for (const [tensor, value] of Object.entries(header)) {
    if (tensor !== "__metadata__") entries.set(tensor, readEntry(`${name}/${tensor}`, value));
  }
  // The format wants every byte in one tensor: no holes, no two tensors in one place.
  let at = 0;
  for (const [tensor, entry] of [...entries].toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at)
      throw refuse(`${tensor} begins at byte ${entry.begin}`, `byte ${at}, where the one before ends`);
    at = entry.end;
  }
  if (at !== data.length) throw refuse(`describes ${at} bytes of numbers and holds ${data.length}`, "the same");
  return {
    paths: [...entries.keys()],
    shape: (path) => entries.get(path)?.shape,
    get: (path) => {
      const entry = entries.get(path);
      if (!entry) return undefined;
      const type = types.get(entry.type);
      if (!type) throw new ThawError(`${name}/${path}`, `has the type ${entry.type}`, [...types.keys()].join(", "));
      return { shape: entry.shape, data: toFloat32(type, data.subarray(entry.begin, entry.end)) };
    },
  };
}

function readEntry(who: string, value: unknown): Entry {
  const offsets: unknown = isObject(value) ? value.data_offsets : undefined;
  const shape: unknown = isObject(value) ? value.shape : undefined;
  const whole = (v: unknown): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0;
  const pair = Array.isArray(offsets) && offsets.length === 2 && offsets.every(whole) ? offsets : undefined;
  if (
    !isObject(value) ||
    typeof value.dtype !== "string" ||
    !Array.isArray(shape) ||
    !shape.every(whole) ||
    !pair ||
    pair[1] < pair[0]
  ) {
    throw new ThawError(who, `is described by ${shown(value)}`, "dtype, shape and data_offsets");
  }
  const [begin, end] = pair;
  const type = types.get(value.dtype);
  const bytes = shape.reduce((a, b) => a * b, 1) * (type ? bytesOf(type) : 0);
  if (type && bytes !== end - begin)
    throw new ThawError(who, `has ${end - begin} bytes`, `${bytes} for ${value.dtype} [${shape.join(", ")}]`);
  return { type: value.dtype, shape, begin, end };
}
