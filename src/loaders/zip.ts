/** Reading ZIP archives with fflate, guarded: it checks neither CRC nor sizes by itself. */
import { ThawError } from "../errors";

/** Keras refuses members above these, and so does Thaw: no real model needs them. */
const maxMemberBytes = 4 * 2 ** 30;
const maxRatio = 100;
/** Small members may be squeezed harder, e.g. a configuration that repeats itself. */
const ratioMatters = 16 * 2 ** 20;

export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/**
 * The members of an archive for which `wanted` holds.
 *
 * @throws for a truncated archive, a wrong checksum, and a member that would unpack to an absurd size.
 */
export async function unzip(
  name: string,
  bytes: Uint8Array,
  wanted: (member: string) => boolean,
): Promise<Map<string, Uint8Array>> {
  const { unzipSync } = await import("fflate");
  const checksums = readChecksums(name, bytes);
  const members: Record<string, Uint8Array> = unpack();
  for (const [member, data] of Object.entries(members)) {
    const expected = checksums.get(member)!;
    const actual = crc32(data);
    if (actual !== expected)
      throw new ThawError(
        `${name}/${member}`,
        `checksum ${hex(actual)}`,
        hex(expected),
        "The file is damaged; get it again.",
      );
  }
  return new Map(Object.entries(members));

  function unpack(): Record<string, Uint8Array> {
    try {
      return unzipSync(bytes, {
        filter: ({ name: member, size, originalSize }) => {
          if (!wanted(member)) return false;
          const bomb =
            originalSize > maxMemberBytes ||
            (originalSize > ratioMatters && originalSize > maxRatio * Math.max(size, 1));
          if (bomb)
            throw new ThawError(
              `${name}/${member}`,
              `${size} bytes that unpack to ${originalSize}`,
              `at most ${maxMemberBytes} bytes, and ${maxRatio} times its packed size`,
            );
          return true;
        },
      });
    } catch (error) {
      if (error instanceof ThawError) throw error;
      throw damaged(name, error instanceof Error ? error.message : String(error));
    }
  }
}

const damaged = (name: string, why: string) =>
  new ThawError(
    name,
    `cannot be unpacked (${why})`,
    "a whole ZIP archive",
    "The file is truncated or damaged; get it again.",
  );

const hex = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;

/** CRC-32 of each member, from the central directory (APPNOTE 4.3.12), which fflate reads but does not hand out. */
function readChecksums(name: string, bytes: Uint8Array): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const result = new Map<string, number>();
  try {
    let end = bytes.length - 22;
    while (view.getUint32(end, true) !== 0x06054b50) end--; // the end record stands before a comment of any length
    let count = view.getUint16(end + 10, true);
    let at = view.getUint32(end + 16, true);
    if (at === 0xffffffff || count === 0xffff) {
      // ZIP64: a locator before the end record says where the long one is.
      const long = Number(view.getBigUint64(end - 20 + 8, true));
      count = Number(view.getBigUint64(long + 32, true));
      at = Number(view.getBigUint64(long + 48, true));
    }
    for (let i = 0; i < count; i++) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError("the central directory is broken");
      const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
      const member = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
      result.set(member, view.getUint32(at + 16, true));
      at += 46 + nameLength + extra + comment;
    }
  } catch (error) {
    throw damaged(
      name,
      error instanceof Error && error.message.includes("central") ? error.message : "it has no directory at its end",
    );
  }
  return result;
}

let table: Uint32Array | undefined;

/** CRC-32 with the reflected polynomial 0xedb88320 (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, i) => {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
