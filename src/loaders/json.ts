/** JSON out of files, checked for what would exhaust the stack of who walks it. */
import { ThawError } from "../errors";

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Real configurations reach 30: layers in models in models, arguments of their calls, initializers. */
const maxDepth = 200;

/**
 * @param what the text or its bytes (UTF-8).
 * @throws when it is not a JSON object, or nested absurdly deep.
 */
export function parseJson(name: string, what: string | Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(typeof what === "string" ? what : new TextDecoder().decode(what));
  } catch (error) {
    throw new ThawError(name, `is not JSON (${(error as Error).message.slice(0, 120)})`, "a JSON object");
  }
  if (!isObject(value)) throw new ThawError(name, `holds ${shown(value)}`, "a JSON object");
  checkDepth(name, value);
  return value;
}

/** Level by level, without recursion. */
function checkDepth(name: string, value: object): void {
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw new ThawError(name, `is nested more than ${maxDepth} deep`, "a configuration");
    level = level.flatMap((v) =>
      (Object.values(v) as unknown[]).filter((c): c is object => typeof c === "object" && c !== null),
    );
  }
}

/** A value for messages, shortened. */
export const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 80);
