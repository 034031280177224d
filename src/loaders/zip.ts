/** Reading ZIP archives (APPNOTE 6.3): the directory here, inflating with fflate, sizes and checksums checked. */
import { ThawError } from "../errors";
import { crc32 } from "./crc32";

/** Small members may be squeezed hard, e.g. a configuration that repeats itself. */
const freeBytes = 16 * 2 ** 20;
/** Larger ones unpack to so many times their packed size at most; pruned weights reach ten. */
const maxRatio = 20;

export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** One entry of the central directory. */
interface Member {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly checksum: number;
  readonly packed: number;
  readonly unpacked: number;
  /** Where its local header begins. */
  readonly at: number;
}

/**
 * The members of an archive for which `wanted` holds. Those that are stored as they are share the archive's memory.
 *
 * @throws for a truncated archive, a wrong checksum, and a member that would unpack to an absurd size.
 */
export async function unzip(
  name: string,
  bytes: Uint8Array,
  wanted: (member: string) => boolean,
): Promise<Map<string, Uint8Array>> {
  const found = readDirectory(name, bytes).filter((member) => wanted(member.name));
  const result = new Map<string, Uint8Array>();
  for (const member of found) {
    const who = `${name}/${member.name}`;
    if (result.has(member.name)) throw damaged(name, `it has two members named ${member.name}`);
    if (member.flags & 1) throw new ThawError(who, "is encrypted", "a member that is not");
    const data = await unpack(who, packedBytes(name, bytes, member), member);
    const actual = crc32(data);
    if (actual !== member.checksum)
      throw new ThawError(who, `checksum ${hex(actual)}`, hex(member.checksum), "The file is damaged; get it again.");
    result.set(member.name, data);
  }
  return result;
}

/** The member as it lies in the archive, behind its local header. */
function packedBytes(name: string, bytes: Uint8Array, { at, packed, name: member }: Member): Uint8Array {
  if (at + 30 > bytes.length || !isZip(bytes.subarray(at))) throw damaged(name, `${member} is not where it should be`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 30);
  const start = at + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + packed > bytes.length) throw damaged(name, `${member} ends after the archive`);
  return bytes.subarray(start, start + packed);
}

async function unpack(who: string, data: Uint8Array, member: Member): Promise<Uint8Array> {
  const { packed, unpacked, method } = member;
  if (method === 0) {
    if (packed !== unpacked) throw new ThawError(who, `is stored as ${packed} bytes`, `${unpacked} bytes`);
    return data;
  }
  if (method !== 8) throw new ThawError(who, `is packed by method ${method}`, "0 (stored) or 8 (deflate)");
  if (unpacked > Math.max(freeBytes, maxRatio * packed)) {
    const expected = `at most ${maxRatio} times its packed size, or ${freeBytes} bytes`;
    throw new ThawError(who, `${packed} bytes that unpack to ${unpacked}`, expected);
  }
  const { Inflate } = await import("fflate");
  const result = new Uint8Array(unpacked);
  let length = 0;
  const inflate = new Inflate((chunk) => {
    if (length + chunk.length > unpacked)
      throw new ThawError(who, `unpacks to more than ${unpacked} bytes`, "the size that the archive's directory says");
    result.set(chunk, length);
    length += chunk.length;
  });
  try {
    // In parts, so that more than was announced is noticed before much of it is there: deflate reaches 1 : 1032.
    const part = 16_384;
    for (let i = 0; i < data.length; i += part) inflate.push(data.subarray(i, i + part), i + part >= data.length);
  } catch (error) {
    if (error instanceof ThawError) throw error;
    throw damaged(who, error instanceof Error ? error.message : String(error));
  }
  if (length !== unpacked) throw new ThawError(who, `unpacks to ${length} bytes`, `${unpacked} bytes`);
  return result;
}

const damaged = (name: string, why: string) =>
  new ThawError(
    name,
    `cannot be unpacked (${why})`,
    "a whole ZIP archive",
    "The file is truncated or damaged; get it again.",
  );

const hex = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;

/** The central directory (APPNOTE 4.3.12 to 4.3.16), with the long numbers of ZIP64. */
function readDirectory(name: string, bytes: Uint8Array): Member[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    let { count, at } = findDirectory(view);
    const members: Member[] = [];
    for (; count > 0; count--) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError("its directory is broken");
      const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
      const extra = at + 46 + nameLength;
      const long = longNumbers(view, extra, extra + extraLength);
      const number = (offset: number) => {
        const value = view.getUint32(at + offset, true);
        return value === 0xffffffff ? (long.shift() ?? value) : value;
      };
      const unpacked = number(24);
      const packed = number(20);
      members.push({
        name: new TextDecoder().decode(bytes.subarray(at + 46, extra)),
        flags: view.getUint16(at + 8, true),
        method: view.getUint16(at + 10, true),
        checksum: view.getUint32(at + 16, true),
        unpacked,
        packed,
        at: number(42),
      });
      at = extra + extraLength + commentLength;
    }
    return members;
  } catch (error) {
    const known = error instanceof RangeError && error.message.startsWith("its ");
    throw damaged(name, known ? error.message : "it has no directory at its end");
  }
}

/** The end record stands before a comment of up to 65,535 bytes; that of ZIP64 a locator before it. */
function findDirectory(view: DataView): { count: number; at: number } {
  let end = view.byteLength - 22;
  const first = Math.max(0, end - 65_535);
  while (end >= first && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < first) throw new RangeError("its end record is missing");
  const count = view.getUint16(end + 10, true);
  const at = view.getUint32(end + 16, true);
  if (at !== 0xffffffff && count !== 0xffff) return { count, at };
  const long = Number(view.getBigUint64(end - 20 + 8, true));
  return { count: Number(view.getBigUint64(long + 32, true)), at: Number(view.getBigUint64(long + 48, true)) };
}

/** ZIP64's extra field: the numbers that did not fit, in the order of the header. */
function longNumbers(view: DataView, from: number, to: number): number[] {
  for (let at = from; at + 4 <= to;) {
    const size = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      const count = Math.min(3, Math.floor(size / 8));
      return Array.from({ length: count }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)));
    }
    at += 4 + size;
  }
  return [];
}
