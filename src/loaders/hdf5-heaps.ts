/**
 * Global heaps of HDF5 files, where long attributes lie, checked before the library reads them: it walks from object to
 * object by their sizes, and a size that is damaged in the right way makes it walk for ever (seen with HDF5 2.0.0).
 */

/** "GCOL" and version 1 with its three reserved bytes (HDF5 file format 4.0, III.E). */
const signature = [0x47, 0x43, 0x4f, 0x4c, 1, 0, 0, 0];

const headerBytes = 16;
const objectHeaderBytes = 16;

/** What is wrong with the first broken heap, or undefined. */
export function brokenHeap(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = bytes.indexOf(signature[0]); at >= 0; at = bytes.indexOf(signature[0], at + 1)) {
    if (bytes[at + 1] !== signature[1] || at + headerBytes > bytes.length) continue;
    if (!signature.every((b, i) => bytes[at + i] === b)) continue;
    const size = view.getBigUint64(at + 8, true);
    if (size > BigInt(bytes.length - at)) return `a heap at byte ${at} has ${size} bytes`;
    if (!isWalkable(view, at + headerBytes, at + Number(size)))
      return `a heap at byte ${at} has objects beyond its end`;
  }
  return undefined;
}

/** Objects: index, references, reserved, size, then so many bytes filled up to a multiple of 8. Index 0 is free space. */
function isWalkable(view: DataView, from: number, to: number): boolean {
  for (let at = from; at + objectHeaderBytes <= to;) {
    const size = view.getBigUint64(at + 8, true);
    if (size > BigInt(to - at)) return false;
    // Free space counts its own header. It is the rest of the heap, or the library goes on behind it.
    const free = view.getUint16(at, true) === 0;
    if (free && size < objectHeaderBytes) return at + objectHeaderBytes >= to;
    at += free ? Number(size) : objectHeaderBytes + Math.ceil(Number(size) / 8) * 8;
    if (at > to) return false;
  }
  return true;
}
