import { findBrowser } from "../../tools/find-browser.mjs";

/** Runs once before the tests that need a GPU: without a browser they must fail with advice, not be skipped. */
export function setup(): void {
  if (findBrowser() !== undefined) return;
  throw new Error(
    "tests: found no Chrome or Chromium; expected one, for WebGPU and for its software Vulkan driver. " +
      "Run `npm test`, which installs one, or set CHROME_PATH.",
  );
}
