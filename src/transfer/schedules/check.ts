/** What schedules ask of their arguments. */
import { ThawError } from "../../errors";

/** Learning rate of a step, which is counted from 0; pass one where an optimizer takes a learning rate. */
export type Schedule = (step: number) => number;

export function checkRate(who: string, name: string, value: number): void {
  if (!(value >= 0 && Number.isFinite(value)))
    throw new ThawError(who, `${name} ${value}`, "a finite number, 0 or more");
}

export function checkSteps(who: string, name: string, value: number, least = 1): void {
  if (!(value >= least && Number.isFinite(value)))
    throw new ThawError(who, `${name} ${value}`, `steps, ${least} or more`);
}

export function checkShare(who: string, name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new ThawError(who, `${name} ${value}`, "a number from 0 to 1");
}
