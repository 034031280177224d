/** Writes ZIP archives (APPNOTE 6.3) of members that are stored as they are, with a fixed time: the same members give the same bytes. */
import { ThawError } from "../errors";
import { ByteWriter } from "./byte-writer";
import { crc32 } from "./crc32";

export interface ZipMember {
  readonly name: string;
  readonly bytes: number;
  /** @param target of this length, zeros; part of the archive, so that nothing is copied. */
  write(target: Uint8Array): void;
}

export const zipMember = (name: string, data: Uint8Array): ZipMember => ({
  name,
  bytes: data.length,
  write: (target) => target.set(data),
});

const localBytes = 30;
const centralBytes = 46;
const endBytes = 22;
/** The first of January 1980, before which ZIP has no time. */
const date = 0x21;

/** @throws where the archive would need the 64-bit form, at 4 GB. */
export function zip(who: string, members: readonly ZipMember[]): Uint8Array {
  const names = members.map(({ name }) => new TextEncoder().encode(name));
  const size = members.reduce(
    (sum, { bytes }, i) => sum + bytes + localBytes + centralBytes + 2 * names[i].length,
    endBytes,
  );
  if (size >= 2 ** 32 - 1) throw new ThawError(who, `takes ${size} bytes`, "less than 4 GB");
  const result = new Uint8Array(size);
  const out = new ByteWriter(result);
  const placed = members.map((member, i) => {
    const at = out.at;
    const begin = at + localBytes + names[i].length;
    const target = result.subarray(begin, begin + member.bytes);
    member.write(target);
    const checksum = crc32(target);
    out.u32(0x04034b50);
    common(out, checksum, member.bytes, names[i].length);
    out.bytes(names[i]);
    out.at = begin + member.bytes;
    return { at, checksum };
  });
  const directory = out.at;
  for (const [i, { at, checksum }] of placed.entries()) {
    out.u32(0x02014b50).u16(20);
    common(out, checksum, members[i].bytes, names[i].length);
    out.u16(0).u16(0).u16(0).u32(0).u32(at).bytes(names[i]);
  }
  const end = out.at;
  out.u32(0x06054b50).u16(0).u16(0).u16(members.length).u16(members.length);
  out
    .u32(end - directory)
    .u32(directory)
    .u16(0);
  return result;
}

/** What local header and directory both have: version, flags, stored, time, checksum, sizes, length of the name, no extra field. */
function common(out: ByteWriter, checksum: number, bytes: number, nameLength: number): void {
  out.u16(20).u16(0).u16(0).u16(0).u16(date).u32(checksum).u32(bytes).u32(bytes).u16(nameLength).u16(0);
}
