/** What few trainings ask for, as one file that is loaded where one of them does: a page with a plain training does without. */
export { halving } from "../nn/compile/half-weights";
export { createContext } from "./context";
export { Counters } from "./counters";
export { explainHalt } from "./diagnose";
export { explainOptions } from "./explain-options";
export { checkOptions, prepareArenas } from "./optimizer-options";
export { orderOf, weigh } from "./sampling";
