// One configuration for everything Vite does here:
//   vite build                  the library and the command line, into dist/
//   vite build --mode demo      the demo page, into out/demo/
//   npm start                   the demo page, served from source
//   vitest                      the tests: unit (Node, no GPU), node-gpu (Node's WebGPU), gpu (Chromium), firefox
//                               (the same in Firefox), e2e (the demo page)
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import type { TestProjectInlineConfiguration } from "vitest/config";
import { browserArguments, findBrowser, findFirefox, vulkanEnvironment } from "./tools/find-browser.mjs";
import { firefox } from "./tools/firefox-provider.ts";
import { cases } from "./tools/vite-plugin-cases.mjs";
import { policy } from "./tools/vite-plugin-policy.mjs";
import { wgsl } from "./tools/vite-plugin-wgsl.mjs";
import manifest from "./package.json" with { type: "json" };

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Larger models and images that lie beside some checkouts; the tests that need them are left out elsewhere. */
const sharedAssets = fs.existsSync(here("../shared/assets")) ? here("../shared/assets") : "";

const allow = [here("."), ...(sharedAssets ? [sharedAssets] : [])];

/** Run-time dependencies are left for the reader's bundler, and Node's own modules for Node. */
const external = [
  /^node:/,
  ...[...Object.keys(manifest.dependencies), "webgpu"].map((name) => new RegExp(`^${name}(/|$)`)),
];

/** What the loaders bring into a page; the other packages are the command line's. */
const pagePackages = ["h5wasm", "fflate", "@bufbuild/protobuf", "@bufbuild/protobuf/codegenv2"];

/** What a run of the tests may be asked for: tests/support/forced.ts, and some operations only. */
const wishes = Object.fromEntries(
  ["THAW_LONG", "THAW_ONLY", "THAW_VARIANT"].flatMap((name) => {
    const value = process.env[name];
    return value ? [[name, value]] : [];
  }),
);

function testProjects(): TestProjectInlineConfiguration[] {
  const browser = findBrowser();
  const slow = { testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false };
  const globalSetup = ["tests/setup/require-browser.ts"];
  const inPage = {
    ...slow,
    include: ["tests/gpu/**/*.test.ts"],
    setupFiles: ["tests/setup/require-adapter.ts"],
    env: wishes, // a page has no environment of its own
  };
  // Dependencies that a test's page meets late would make Vite reload the page in the middle of the test.
  const optimizeDeps = { include: pagePackages, exclude: ["webgpu"] };
  const second = findFirefox();
  return [
    {
      extends: true,
      test: { name: "unit", include: ["tests/unit/**/*.test.ts"], testTimeout: 30_000, sequence: { groupOrder: 0 } },
    },
    {
      extends: true,
      test: {
        ...slow,
        name: "node-gpu",
        include: ["tests/node/**/*.test.ts"],
        pool: "forks", // a worker thread could not hand the variables below to the Vulkan loader
        env: vulkanEnvironment({ only: true }),
        globalSetup,
        sequence: { groupOrder: 1 },
      },
    },
    {
      extends: true,
      optimizeDeps,
      test: {
        ...inPage,
        name: "gpu",
        // Node runs Chromium's WebGPU on the same adapter, and has taken every variant through its steps already.
        exclude: process.env.THAW_LONG ? [] : ["tests/gpu/variants.test.ts", "tests/gpu/reproducible.test.ts"],
        globalSetup,
        sequence: { groupOrder: 2 },
        browser: {
          enabled: true,
          headless: true,
          screenshotFailures: false,
          provider: playwright({ launchOptions: { executablePath: browser, args: browserArguments() } }),
          instances: [{ browser: "chromium" }],
        },
      },
    },
    ...(second.firefox ? [inFirefox(inPage, optimizeDeps, second)] : []), // tools/test.mjs says so where there is none
    {
      extends: true,
      test: {
        ...slow,
        name: "e2e",
        include: ["tests/e2e/**/*.test.ts"],
        testTimeout: 300_000,
        globalSetup,
        sequence: { groupOrder: 4 },
      },
    },
    // Needs Python and Keras, so it runs when asked for only: npm run test:interop.
    ...(process.argv.includes("interop") ? [interop(slow, globalSetup)] : []),
  ];
}

/** The tests of `gpu` once more, with the other maker's WebGPU and WGSL compiler. */
function inFirefox(
  inPage: object,
  optimizeDeps: object,
  found: { firefox: string; env: Record<string, string> },
): TestProjectInlineConfiguration {
  return {
    extends: true,
    optimizeDeps,
    test: {
      ...inPage,
      name: "firefox",
      sequence: { groupOrder: 3 },
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        connectTimeout: 180_000, // of a new profile on a busy machine
        provider: firefox({ executablePath: found.firefox, env: found.env }),
        instances: [{ browser: "firefox" }],
      },
    },
  };
}

function interop(slow: object, globalSetup: string[]): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      ...slow,
      name: "interop",
      include: ["tests/interop/**/*.test.ts"],
      testTimeout: 300_000,
      pool: "forks",
      env: vulkanEnvironment({ only: true }),
      globalSetup,
    },
  };
}

export default defineConfig(({ mode }) => {
  if (mode === "demo") {
    return {
      root: here("demo"),
      base: "./",
      plugins: [wgsl(), cases(), policy()],
      worker: { format: "es", plugins: () => [wgsl(), cases()], rolldownOptions: { external: ["webgpu"] } },
      oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
      cacheDir: here("node_modules/.vite-demo"),
      optimizeDeps: { exclude: ["webgpu"] }, // Node's WebGPU, never loaded in a page
      server: { fs: { allow: [here(".")] } },
      build: {
        outDir: here("out/demo"),
        emptyOutDir: true,
        target: "es2022",
        chunkSizeWarningLimit: 2000,
        modulePreload: { polyfill: false },
        rolldownOptions: { external: ["webgpu"] },
      },
    };
  }
  return {
    root: here("."),
    publicDir: false,
    plugins: [wgsl(), cases()],
    server: { fs: { allow } },
    build: {
      target: "es2022",
      minify: false, // whoever bundles it minifies it; here it stays readable
      copyPublicDir: false,
      lib: {
        formats: ["es"],
        entry: {
          index: "src/index.ts",
          loaders: "src/loaders/index.ts",
          transfer: "src/transfer/index.ts",
          cli: "src/cli/main.ts",
        },
      },
      rolldownOptions: { external, output: { chunkFileNames: "chunks/[name]-[hash].js" } },
    },
    test: {
      provide: { sharedAssets },
      projects: process.env.VITEST ? testProjects() : [],
    },
  };
});
