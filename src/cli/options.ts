/** Arguments that are numbers; commander prints what is thrown here and the command ends with status 2. */
import { InvalidArgumentError } from "commander";

/** Parser of a whole number that is at least `least`. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Received ${text}; expected a whole number, ${least} or more.`);
    }
    return value;
  };
}

/** Parser of sizes with commas between: `224,224,3`. */
export function sizes(text: string): readonly number[] {
  const parts = text.split(/[,x]/);
  const values = parts.map(Number);
  if (parts.some((part) => part.trim() === "") || !values.every((v) => Number.isSafeInteger(v) && v > 0)) {
    throw new InvalidArgumentError(`Received ${text}; expected whole numbers with commas between, e.g. 224,224,3.`);
  }
  return values;
}
