import { afterEach, expect, test, vi } from "vitest";
import { browserArguments, ensureBrowser, findBrowser, findFirefox } from "../../../tools/find-browser.mjs";

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

test("FIREFOX_PATH goes before every other Firefox, and has to lead somewhere", () => {
  vi.stubEnv("THAW_ADAPTER", "default");
  vi.stubEnv("FIREFOX_PATH", process.execPath);
  expect(findFirefox()).toEqual({ firefox: process.execPath, env: {} });
  vi.stubEnv("FIREFOX_PATH", "/nowhere/firefox");
  expect(() => findFirefox()).toThrow(/FIREFOX_PATH is "\/nowhere\/firefox".*expected.*Correct FIREFOX_PATH/);
});

// Elsewhere it may lie in a folder that PATH does not name.
test.runIf(process.platform === "linux")("a missing Firefox is a reason, or an error where one is required", () => {
  vi.stubEnv("FIREFOX_PATH", undefined);
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("THAW_REQUIRE_FIREFOX", undefined);
  expect(findFirefox()).toEqual({ firefox: undefined, reason: expect.stringMatching(/no Firefox.*firefox-esr/) });
  vi.stubEnv("THAW_REQUIRE_FIREFOX", "1");
  expect(() => findFirefox()).toThrow(/no Firefox.*THAW_REQUIRE_FIREFOX/);
});
