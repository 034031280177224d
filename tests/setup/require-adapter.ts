/** Runs in the page before each file of GPU tests: no adapter is an error, never a skipped test. */
export const advice =
  "expected a WebGPU adapter. Run the tests with `npm test` (it starts Chromium with a software adapter); with " +
  "THAW_ADAPTER=default the machine's own GPU is used, which needs a working driver.";

const gpu: GPU | undefined = navigator.gpu; // absent where WebGPU is switched off
if (gpu === undefined) throw new Error(`tests: this browser has no navigator.gpu; ${advice}`);
if ((await gpu.requestAdapter()) === null) throw new Error(`tests: requestAdapter() gave null; ${advice}`);
