/** Names of neighbouring files, as a model file gives them: hostile until they are known to stay in the model's folder. */
import { ThawError } from "../../errors";

/**
 * The parts of a relative name, without "." and empty ones.
 *
 * @param who the file that asks, for the error.
 * @throws for names that lead out of the folder: `..`, absolute paths, backslashes, drives, and other schemes.
 */
export function relativeParts(who: string, name: string): string[] {
  const refuse = (why: string) =>
    new ThawError(
      who,
      `refers to the file ${JSON.stringify(name.slice(0, 200))}, which ${why}`,
      "a relative name in the model's own folder, e.g. weights/part-1.bin",
    );
  if (name.includes("\\")) throw refuse("has a backslash");
  if (name.includes("\0")) throw refuse("has a zero byte");
  if (name.startsWith("/")) throw refuse("is absolute");
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(name)) throw refuse("has a scheme or a drive");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw refuse("leads out of the folder");
  if (parts.length === 0) throw refuse("is empty");
  return parts;
}
