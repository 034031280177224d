/** A short number for a lot of data, to see whether it is the same as before. */

/** 64 bits in hexadecimal: two of MurmurHash3's 32-bit rounds (public domain, A. Appleby) side by side over the words. */
export function checksum(data: Uint8Array | Float32Array): string {
  // A view that does not begin at a word is copied to one that does.
  const { buffer, byteOffset, byteLength } = data.byteOffset % 4 === 0 ? data : data.slice();
  const words = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
  let a = 0x9747b28c;
  let b = 0x3c6ef372;
  const add = (word: number) => {
    let k = Math.imul(word, 0xcc9e2d51);
    a ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    k = Math.imul(word, 0x85ebca6b);
    b ^= Math.imul((k << 16) | (k >>> 16), 0xc2b2ae35);
    b = (Math.imul((b << 11) | (b >>> 21), 5) + 0x561ccd1b) | 0;
  };
  for (let i = 0; i < words.length; i++) add(words[i]);
  const rest = new Uint8Array(buffer, byteOffset + 4 * words.length, byteLength % 4);
  add(rest.reduce((word, byte, i) => word | (byte << (8 * i)), 0));
  add(byteLength);
  const hex = (n: number) => (n >>> 0).toString(16).padStart(8, "0");
  return hex(a) + hex(b);
}
