import { afterEach, expect, test, vi } from "vitest";
import { browserArguments, ensureBrowser, findBrowser } from "../../../tools/find-browser.mjs";

afterEach(() => vi.unstubAllEnvs());

test("CHROME_PATH goes before every other browser", () => {
  vi.stubEnv("CHROME_PATH", process.execPath); // any executable file will do
  expect(findBrowser()).toBe(process.execPath);
  expect(ensureBrowser()).toBe(process.execPath);
});

test("a CHROME_PATH that leads nowhere is an error, not a reason to take another browser", () => {
  vi.stubEnv("CHROME_PATH", "/nowhere/chrome");
  expect(() => findBrowser()).toThrow(/CHROME_PATH is "\/nowhere\/chrome".*expected.*Correct CHROME_PATH/);
});

test("SwiftShader is the adapter unless the machine's own is asked for", () => {
  vi.stubEnv("THAW_ADAPTER", undefined);
  expect(browserArguments()).toContain("--use-webgpu-adapter=swiftshader");
  vi.stubEnv("THAW_ADAPTER", "default");
  expect(browserArguments()).not.toContain("--use-webgpu-adapter=swiftshader");
});
