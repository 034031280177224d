/**
 * Files in a ZIP archive, each read when it is asked for, so that an archive need not fit into memory. The layout is that of PKWARE's
 * APPNOTE.TXT 6.3: a directory of all files at the end, and in front of each file's bytes a header of its own.
 */
import { ThawError } from "../../errors";

export interface ZippedFile {
  /** With its folders, separated by "/". */
  readonly path: string;
  /** @throws for encrypted files, methods other than stored and deflated, and bytes that are damaged. */
  readonly read: () => Promise<Uint8Array<ArrayBuffer>>;
}

const signatures = { end: 0x06054b50, entry: 0x02014b50, file: 0x04034b50 } as const;
const endBytes = 22;
const largestComment = 65535;

type Slice = (start: number, end: number) => Promise<DataView<ArrayBuffer>>;

/** @throws for what is no ZIP archive, and for ZIP64 (more than 4 GiB). */
export async function readZip(source: Blob | ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<ZippedFile[]> {
  const blob = source instanceof Blob ? source : new Blob([source]);
  const slice: Slice = async (start, end) => new DataView(await blob.slice(start, end).arrayBuffer());
  const tail = await slice(Math.max(0, blob.size - endBytes - largestComment), blob.size);
  let at = tail.byteLength - endBytes;
  // The archive's comment is behind, and may hold the same four bytes.
  const isEnd = () =>
    tail.getUint32(at, true) === signatures.end && at + endBytes + tail.getUint16(at + 20, true) <= tail.byteLength;
  while (at >= 0 && !isEnd()) at--;
  if (at < 0) throw new ThawError("readZip", `${blob.size} bytes without a ZIP directory`, "a whole ZIP archive");
  const [length, offset] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  if (length === 0xffffffff || offset === 0xffffffff)
    throw new ThawError("readZip", "a ZIP64 archive", "one below 4 GiB", "Unpack it and pass the folder.");
  const directory = await slice(offset, offset + length);
  const files: ZippedFile[] = [];
  // Its length, and not the count beside it, which wraps at 65,536 files.
  for (let i = 0; i + 46 <= directory.byteLength && directory.getUint32(i, true) === signatures.entry;) {
    const u16 = (field: number) => directory.getUint16(i + field, true);
    const u32 = (field: number) => directory.getUint32(i + field, true);
    const name = new Uint8Array(directory.buffer, i + 46, u16(28));
    const entry = { flags: u16(8), method: u16(10), packed: u32(20), size: u32(24), offset: u32(42) };
    const path = new TextDecoder().decode(name).replaceAll("\\", "/");
    if (!path.endsWith("/")) files.push({ path, read: () => readEntry(slice, entry) });
    i += 46 + u16(28) + u16(30) + u16(32);
  }
  return files;
}

interface ZipEntry {
  readonly flags: number;
  readonly method: number;
  readonly packed: number; // bytes
  readonly size: number; // bytes
  readonly offset: number;
}

async function readEntry(slice: Slice, entry: ZipEntry): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.flags & 1) throw new ThawError("readZip", "the file is encrypted", "one without a password");
  if (entry.method !== 0 && entry.method !== 8)
    throw new ThawError("readZip", `compression method ${entry.method}`, "stored (0) or deflated (8)");
  const header = await slice(entry.offset, entry.offset + 30);
  if (header.byteLength < 30 || header.getUint32(0, true) !== signatures.file)
    throw new ThawError("readZip", "no file where the directory says", "a whole ZIP archive");
  const start = entry.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const packed = new Uint8Array((await slice(start, start + entry.packed)).buffer);
  const bytes = entry.method === 0 ? packed : (await import("fflate")).inflateSync(packed);
  if (bytes.length !== entry.size)
    throw new ThawError("readZip", `${bytes.length} bytes after unpacking`, `${entry.size}`);
  return bytes;
}
