/** The transfer-learning toolkit over the public API; a page loads it beside `thaw` when it wants it. */
export { cosineDecay, exponentialDecay, piecewiseConstant } from "./schedules";
export * from "./inside";
