/** Object headers of version 1: what is said of a group or a dataset, in messages ("HDF5 File Format Specification 3.0", IV.A.1). */
import { notPlain, type PlainBytes } from "./hdf5-plain-bytes";

/** The kinds of messages that are read (IV.A.2). */
export const messageTypes = {
  dataspace: 0x1,
  linkInfo: 0x2,
  datatype: 0x3,
  link: 0x6,
  layout: 0x8,
  attribute: 0xc,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

/** Those that change nothing of what is read here: NIL, fill values, group info, comment, times, B-tree sizes, reference count. */
const idle: ReadonlySet<number> = new Set([0x0, 0x4, 0x5, 0xa, 0xd, 0xe, 0x12, 0x13, 0x16]);
const known: ReadonlySet<number> = new Set(Object.values(messageTypes));

export interface Message {
  readonly type: number;
  /** Where its body begins. */
  readonly at: number;
  readonly size: number;
}

const prefixBytes = 16;
const messagePrefix = 8;
/** The body stands elsewhere. */
const shared = 2;

/** The messages of the header at an address, those of all its blocks. */
export function readHeader(file: PlainBytes, address: number): Message[] {
  file.visit(address, prefixBytes);
  if (file.u8(address) !== 1) notPlain("has an object header of another version");
  const count = file.u16(address + 2);
  const blocks = [{ at: address + prefixBytes, size: file.u32(address + 8) }];
  const messages: Message[] = [];
  let seen = 0;
  for (const block of blocks) {
    file.visit(block.at, block.size);
    const end = block.at + block.size;
    let at = block.at;
    while (at + messagePrefix <= end) {
      const type = file.u16(at);
      const size = file.u16(at + 2);
      const flags = file.u8(at + 4);
      const body = at + messagePrefix;
      at = body + size;
      if (at > end || ++seen > count) notPlain("has an object header with more than it says");
      if (type === messageTypes.continuation) {
        requireSize(size, 16);
        blocks.push({ at: file.u64(body), size: file.u64(body + 8) });
      } else if (known.has(type)) {
        if (flags & shared) notPlain("shares messages");
        if (type === messageTypes.attributeInfo) requireNoDenseAttributes(file, body, size);
        messages.push({ type, at: body, size });
      } else if (!idle.has(type)) notPlain(`has a message of type ${type}`);
    }
    if (at !== end) notPlain("has an object header with a gap");
  }
  if (seen !== count) notPlain("has an object header with less than it says");
  return messages;
}

/** The one message of a type; undefined where there is none. */
export function onlyMessage(messages: readonly Message[], type: number): Message | undefined {
  const found = messages.filter((message) => message.type === type);
  if (found.length > 1) notPlain(`has ${found.length} messages of type ${type} in one header`);
  return found[0];
}

export function requireSize(size: number, least: number): void {
  if (size < least) notPlain("has a message that is too short");
}

/** IV.A.2.v: attributes beyond eight may lie in a fractal heap, in files of the newer kind. */
function requireNoDenseAttributes(file: PlainBytes, at: number, size: number): void {
  requireSize(size, 2);
  const heap = at + 2 + (file.u8(at + 1) & 1 ? 2 : 0);
  requireSize(size, heap - at + 8);
  if (!file.isUndefined(heap)) notPlain("has dense attributes");
}
