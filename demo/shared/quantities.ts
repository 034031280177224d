/** Bytes and operations for people, in the page's language. The page itself takes no code of the library, which the worker has. */
import { decimal } from "./i18n/index";

const inUnits = (value: number, base: number, units: readonly string[]): string => {
  let unit = 0;
  let rest = value;
  while (rest >= base && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  return `${decimal(rest, unit === 0 ? 0 : rest < 10 ? 2 : 1)}\u00A0${units[unit]}`.trim();
};

export const formatBytes = (bytes: number): string => inUnits(bytes, 1024, ["B", "KB", "MB", "GB"]);
export const formatFlops = (flops: number): string => inUnits(flops, 1000, ["", "K", "M", "G", "T"]);
/** A time that may be far below a second. */
export const formatTime = (seconds: number): string =>
  seconds < 1 ? `${decimal(1000 * seconds, seconds < 0.01 ? 2 : 0)}\u00A0ms` : `${decimal(seconds, 1)}\u00A0s`;
