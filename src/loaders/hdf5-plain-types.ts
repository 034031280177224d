/** Shapes and types of numbers and texts ("HDF5 File Format Specification 3.0", IV.A.2.b and d). */
import { requireSize } from "./hdf5-plain-header";
import { notPlain, type PlainBytes } from "./hdf5-plain-bytes";
import { isNumberType, type NumberType } from "./tensors";

/** HDF5 allows no more dimensions. */
const maxRank = 32;

/** The dimensions; undefined for a null dataspace, which has no elements and no shape. */
export function readSpace(file: PlainBytes, at: number, size: number): number[] | undefined {
  requireSize(size, 4);
  const [version, rank, flags, kind] = [0, 1, 2, 3].map((i) => file.u8(at + i));
  if ((version !== 1 && version !== 2) || rank > maxRank || flags > 1) notPlain("has a dataspace of another kind");
  if (version === 2 && kind === 2) return undefined;
  const from = at + (version === 1 ? 8 : 4);
  const limits = from + 8 * rank;
  requireSize(size, limits - at + (flags ? 8 * rank : 0));
  return Array.from({ length: rank }, (_, i) => {
    const dimension = file.u64(from + 8 * i);
    if (flags && file.u64(limits + 8 * i) !== dimension) notPlain("has something that may grow");
    return dimension;
  });
}

/** Numbers by their type; texts of so many bytes each; texts that stand in global heaps. */
export type PlainType =
  | { readonly kind: "number"; readonly number: NumberType; readonly size: number }
  | { readonly kind: "fixedText"; readonly size: number; readonly utf8: boolean }
  | { readonly kind: "heapText"; readonly size: number; readonly utf8: boolean };

const prefixBytes = 8;

/** For each size of IEEE 754: where the exponent begins, how long it is, its bias, and how long the fraction is. */
const floats: Readonly<Record<number, readonly [at: number, bits: number, bias: number, fraction: number]>> = {
  2: [10, 5, 15, 10],
  4: [23, 8, 127, 23],
  8: [52, 11, 1023, 52],
};

export function readType(file: PlainBytes, at: number, messageSize: number): PlainType {
  requireSize(messageSize, prefixBytes);
  const version = file.u8(at) >> 4;
  const kind = file.u8(at) & 15;
  const size = file.u32(at + 4);
  if (version < 1 || version > 3 || size === 0) notPlain("has a type of another version");
  const bits = file.u8(at + 1);
  const properties = at + prefixBytes;
  switch (kind) {
    case 0: // whole numbers: little endian, all bits used
      requireSize(messageSize, prefixBytes + 4);
      if (bits & 7 || file.u16(properties) !== 0 || file.u16(properties + 2) !== 8 * size) break;
      return numbers(`${bits & 8 ? "" : "u"}int${8 * size}`, size);
    case 1:
      requireSize(messageSize, prefixBytes + 12);
      return isIeee(file, at, size) ? numbers(`float${8 * size}`, size) : notPlain("has floats of another kind");
    case 3: // padded with NULs or ended by one
      if ((bits & 15) > 1 || bits >> 4 > 1) break;
      return { kind: "fixedText", size, utf8: bits >> 4 === 1 };
    case 5: // opaque, as which Keras writes bfloat16
      if (size !== 2) break;
      return numbers("bfloat16", size);
    case 8: // an enumeration, as which h5py writes bool
      if (size !== 1) break;
      return numbers("int8", size);
    case 9: {
      const utf8 = file.u8(at + 2);
      if ((bits & 15) !== 1 || utf8 > 1 || size !== 16) break;
      return { kind: "heapText", size, utf8: utf8 === 1 };
    }
  }
  return notPlain(`has a type of class ${kind}`);
}

function numbers(number: string, size: number): PlainType {
  return isNumberType(number) ? { kind: "number", number, size } : notPlain(`has numbers of type ${number}`);
}

/** Little endian, the leading 1 of the mantissa left out, sign at the top, no padding. */
function isIeee(file: PlainBytes, at: number, size: number): boolean {
  const expected = floats[size];
  if (!expected || (file.u8(at + 1) & 0x71) !== 0x20) return false;
  const [exponentAt, exponentBits, bias, fractionBits] = expected;
  const found = [2, 12, 13, 14, 15].map((i) => file.u8(at + i));
  const wanted = [8 * size - 1, exponentAt, exponentBits, 0, fractionBits];
  return (
    wanted.every((value, i) => value === found[i]) &&
    file.u16(at + 8) === 0 &&
    file.u16(at + 10) === 8 * size &&
    file.u32(at + 16) === bias
  );
}
