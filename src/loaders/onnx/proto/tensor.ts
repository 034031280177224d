/** ONNX tensors to numbers. The file's bytes are read where they lie; an array is made when somebody asks for the numbers. */
import { ThawError } from "../../../errors";
import { moveToAlignment } from "../../tensors";
import type { HostTensor, Kind, Numbers } from "../host-tensor";
import type { TensorProto } from "./onnx_pb";

/** Gives the bytes of another file that belongs to the model. */
export type Sibling = (location: string) => Promise<Uint8Array>;

type Field = "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";

interface ElementType {
  readonly name: string;
  readonly bytes: number;
  readonly kind: Kind;
  /** Where values are that are not raw (onnx.proto, comments of TensorProto). */
  readonly field: Field;
  readonly raw: (bytes: Uint8Array, count: number) => Numbers;
}

/** Bytes as an array of another type: a view where they are aligned, else a copy. */
function viewOf<T extends Numbers | BigInt64Array | BigUint64Array | Float64Array>(
  Type: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
  count: number,
): T {
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new Type(aligned.buffer, aligned.byteOffset, count);
}

const plain =
  (Type: {
    new (buffer: ArrayBufferLike, offset: number, length: number): Numbers;
    readonly BYTES_PER_ELEMENT: number;
  }) =>
  (bytes: Uint8Array, count: number): Numbers =>
    viewOf(Type, bytes, count);

/** IEEE 754 half precision. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The upper half of a float32. */
function fromBfloat16(words: ArrayLike<number>): Float32Array {
  const wide = new Uint32Array(words.length);
  for (let i = 0; i < wide.length; i++) wide[i] = words[i] << 16;
  return new Float32Array(wide.buffer);
}

/** int64 as float64. The ends of the range stand for "to the end" in slices and are let through; others must be exact. */
function fromInt64(values: ArrayLike<bigint>): Float64Array {
  const result = new Float64Array(values.length);
  for (let i = 0; i < result.length; i++) {
    const value = Number(values[i]);
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 2 ** 63 - 2048)
      throw new ThawError("tensor", `holds the integer ${values[i]}`, "at most 2^53");
    result[i] = value;
  }
  return result;
}

const halves = (bytes: Uint8Array, count: number) => Float32Array.from(viewOf(Uint16Array, bytes, count), fromHalf);

/** By the number that TensorProto.DataType gives them. */
const elementTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [1, { name: "float32", bytes: 4, kind: "float", field: "floatData", raw: plain(Float32Array) }],
  [2, { name: "uint8", bytes: 1, kind: "int", field: "int32Data", raw: plain(Uint8Array) }],
  [3, { name: "int8", bytes: 1, kind: "int", field: "int32Data", raw: plain(Int8Array) }],
  [4, { name: "uint16", bytes: 2, kind: "int", field: "int32Data", raw: plain(Uint16Array) }],
  [5, { name: "int16", bytes: 2, kind: "int", field: "int32Data", raw: plain(Int16Array) }],
  [6, { name: "int32", bytes: 4, kind: "int", field: "int32Data", raw: plain(Int32Array) }],
  [
    7,
    { name: "int64", bytes: 8, kind: "int", field: "int64Data", raw: (b, n) => fromInt64(viewOf(BigInt64Array, b, n)) },
  ],
  [9, { name: "bool", bytes: 1, kind: "bool", field: "int32Data", raw: plain(Uint8Array) }],
  [10, { name: "float16", bytes: 2, kind: "float", field: "int32Data", raw: halves }],
  [
    11,
    {
      name: "float64",
      bytes: 8,
      kind: "float",
      field: "doubleData",
      raw: (b, n) => Float32Array.from(viewOf(Float64Array, b, n)),
    },
  ],
  [12, { name: "uint32", bytes: 4, kind: "int", field: "uint64Data", raw: plain(Uint32Array) }],
  [
    13,
    {
      name: "uint64",
      bytes: 8,
      kind: "int",
      field: "uint64Data",
      raw: (b, n) => fromInt64(viewOf(BigUint64Array, b, n)),
    },
  ],
  [
    16,
    {
      name: "bfloat16",
      bytes: 2,
      kind: "float",
      field: "int32Data",
      raw: (b, n) => fromBfloat16(viewOf(Uint16Array, b, n)),
    },
  ],
]);

const refusedTypes: Readonly<Record<number, string>> = {
  8: "strings",
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
};

/** Kind of a TensorProto.DataType; undefined for one that Thaw does not read. */
export const kindOf = (dataType: number): Kind | undefined => elementTypes.get(dataType)?.kind;

/** How tensors of a file are read. */
export interface TensorReading {
  /** Gives the bytes of other files of the model, by the location that the model says (`resnet.onnx.data`). */
  readonly sibling?: Sibling | undefined;
  /** The file's bytes are nobody else's: tensors in it may move to where they can be read in place, and be kept there. */
  readonly owned?: boolean;
}

/** From this length on, a tensor's own tag and length in front of it are three bytes at least, which it may move over. */
const movable = 128;

/** @throws for a type that Thaw does not read, sizes that do not fit the stored bytes, and data that is not there. */
export async function readTensor(
  who: string,
  proto: TensorProto,
  { sibling, owned = false }: TensorReading,
): Promise<HostTensor> {
  const type = elementTypes.get(proto.dataType);
  if (!type) {
    const received = refusedTypes[proto.dataType] ?? `element type ${proto.dataType}`;
    throw new ThawError(
      who,
      `holds ${received}`,
      "float32, float16, bfloat16, float64, bool or whole numbers of 8 to 64 bits",
      "Export the model unquantized, in float32.",
    );
  }
  const dims = proto.dims.map(Number);
  const count = dims.reduce((a, b) => a * b, 1);
  if (dims.some((d) => d < 0) || !Number.isSafeInteger(count))
    throw new ThawError(who, `has dimensions [${dims.join(", ")}]`, "whole numbers from 0 whose product is below 2^53");
  const external = proto.dataLocation === 1;
  const bytes = external ? await externalBytes(who, proto, sibling) : proto.rawData;
  if (bytes) {
    if (bytes.length !== count * type.bytes)
      throw new ThawError(
        who,
        `has ${bytes.length} bytes for [${dims.join(", ")}] of ${type.name}`,
        `${count * type.bytes} bytes`,
        "The file is truncated or damaged; get it again.",
      );
    const own = owned && !external && type.name === "float32" && bytes.length >= movable;
    const placed = own ? moveToAlignment(bytes, 4) : bytes;
    let read: Numbers | undefined;
    return {
      dims,
      kind: type.kind,
      own,
      get data() {
        return (read ??= checked(who, () => type.raw(placed, count)));
      },
    };
  }
  const stored = proto[type.field];
  if (stored.length !== count)
    throw new ThawError(
      who,
      `has ${stored.length} numbers for [${dims.join(", ")}] of ${type.name}`,
      `${count}`,
      "The file is truncated or damaged; get it again.",
    );
  return { dims, kind: type.kind, data: checked(who, () => fromField(proto.dataType, stored)) };
}

/** An error inside is about this tensor. */
function checked(who: string, body: () => Numbers): Numbers {
  try {
    return body();
  } catch (error) {
    if (error instanceof ThawError) error.message = error.message.replace(/^tensor:/, `${who}:`);
    throw error;
  }
}

function fromField(dataType: number, stored: readonly (number | bigint)[]): Numbers {
  if (dataType === 10) return Float32Array.from(stored, (bits) => fromHalf(Number(bits) & 0xffff));
  if (dataType === 16) return fromBfloat16(stored.map((bits) => Number(bits) & 0xffff));
  if (dataType === 7 || dataType === 13) return fromInt64(stored as readonly bigint[]);
  if (dataType === 1 || dataType === 11) return Float32Array.from(stored as readonly number[]);
  return Float64Array.from(stored, Number);
}

/** Where external data lies: a file beside the model's, never elsewhere. */
async function externalBytes(who: string, proto: TensorProto, sibling: Sibling | undefined): Promise<Uint8Array> {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  const parts = location.split(/[/\\]/);
  if (
    location === "" ||
    parts.includes("..") ||
    parts[0] === "" ||
    /^[a-z]+:/i.test(location) ||
    location.includes("\0")
  )
    throw new ThawError(
      who,
      `its data lies in ${JSON.stringify(location)}`,
      "a file in the model's folder, without .. or an absolute path",
    );
  if (!sibling)
    throw new ThawError(
      who,
      `its data lies in another file, ${location}`,
      "all files of the model",
      `Load ${location} together with the model.`,
    );
  const file = await sibling(location);
  const offset = number("offset", 0);
  const length = number("length", file.length - offset);
  if (offset + length > file.length)
    throw new ThawError(
      who,
      `needs bytes ${offset} to ${offset + length} of ${location}, which has ${file.length}`,
      "a whole file",
      "The file is truncated, or belongs to another model.",
    );
  return file.subarray(offset, offset + length);

  function number(key: string, fallback: number): number {
    const text = entries.get(key);
    const value = text === undefined ? fallback : Number(text);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new ThawError(
        who,
        `external data with ${key} ${JSON.stringify(text ?? value)}`,
        "a whole number from 0 within the file",
      );
    return value;
  }
}
