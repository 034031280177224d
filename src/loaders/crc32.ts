/** CRC-32 with the reflected polynomial 0xedb88320 (ISO 3309), four bytes a step. */

let tables: Uint32Array[] | undefined;

/** tables[k][b]: what byte b does to the checksum when k bytes follow it ("slicing", Kounavis and Berry 2005). */
function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, i) => {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  const result = [first];
  for (let k = 1; k < 4; k++) result.push(result[k - 1].map((c) => first[c & 255] ^ (c >>> 8)));
  return result;
}

export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = (tables ??= makeTables()) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  let crc = -1;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc = t3[crc & 255] ^ t2[(crc >>> 8) & 255] ^ t1[(crc >>> 16) & 255] ^ t0[crc >>> 24];
  }
  for (; i < bytes.length; i++) crc = t0[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}
