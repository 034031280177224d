/** Writes ZIP archives with fflate: members stored as they are, with a fixed time, so that the same members give the same bytes. */
import { ThawError } from "../errors";

/** The first of January 1980, before which ZIP has no time; local, as ZIP's times are. */
const date = new Date(1980, 0, 1);

/** Names and headers beside the numbers. */
const margin = 2 ** 16;

/**
 * @param members by name, in the order of the archive.
 * @throws where the archive would need the 64-bit form, at 4 GB.
 */
export async function zip(who: string, members: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array> {
  const size = Object.values(members).reduce((sum, { length }) => sum + length, margin);
  if (size >= 2 ** 32) throw new ThawError(who, `takes ${size} bytes`, "less than 4 GB");
  const { zipSync } = await import("fflate");
  return zipSync(members, { level: 0, mtime: date });
}
