/** Which format a file has, by its first bytes: names are not believed. */
import { isHdf5 } from "./hdf5";
import { isZip } from "./zip";

/** "json" may be a TF.js model or an index of shards; "protobuf" is what ONNX files are. */
export type Format = "zip" | "hdf5" | "json" | "safetensors" | "protobuf" | "unknown";

/** So many bytes of a file tell its format. */
export const headBytes = 64;

/** safetensors allows no longer header. */
export const maxSafetensorsHeader = 100_000_000;

/** @param head the beginning of the file, `headBytes` of it or all. */
export function formatOf(head: Uint8Array): Format {
  if (isZip(head)) return "zip";
  if (isHdf5(head)) return "hdf5";
  if (isSafetensors(head)) return "safetensors";
  if (isJson(head)) return "json";
  if (isModelProto(head)) return "protobuf";
  return "unknown";
}

/** A length of 8 bytes, little endian, then a JSON object. */
function isSafetensors(head: Uint8Array): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false;
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  return length >= 2n && length <= BigInt(maxSafetensorsHeader);
}

function isJson(head: Uint8Array): boolean {
  const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  const first = head.subarray(start).find((b) => ![0x20, 0x09, 0x0a, 0x0d].includes(b));
  return first === 0x7b;
}

/** Protobuf has no signature: the first field has to be one of ModelProto's (onnx.proto), with its wire type. */
function isModelProto(head: Uint8Array): boolean {
  const varints = [1, 5];
  const messages = [2, 3, 4, 6, 7, 8, 14, 20, 25];
  const first = head[0] ?? 0;
  const [field, wire] =
    first < 128 ? [first >> 3, first & 7] : [((first & 127) >> 3) | ((head[1] ?? 0) << 4), first & 7];
  return (wire === 0 && varints.includes(field)) || (wire === 2 && messages.includes(field));
}
