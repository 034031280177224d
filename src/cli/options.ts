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
