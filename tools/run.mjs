// Runs a TypeScript entry without a build: node tools/run.mjs ENTRY [ARGUMENT...]
//
// Vite's module runner loads the entry, so TypeScript and `?raw` imports mean the same as in the page. The entry finds
// its arguments in process.argv.slice(2), as it would when built. Nothing but the entry writes to stdout.
import path from "node:path";
import process from "node:process";
import { createServer, isRunnableDevEnvironment } from "vite";
import { vulkanEnvironment } from "./find-browser.mjs";

const [entry, ...args] = process.argv.slice(2);
if (!entry) {
  console.error("run: no entry given; expected a TypeScript file. Use: node tools/run.mjs ENTRY [ARGUMENT...]");
  process.exit(2);
}

// Before the first GPU call: the Vulkan loader reads these once. What the caller has set stays.
Object.assign(process.env, { ...vulkanEnvironment({ only: false }), ...process.env });

const server = await createServer({
  configFile: false,
  root: process.cwd(),
  appType: "custom",
  logLevel: "error",
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const environment = server.environments.ssr;
if (!isRunnableDevEnvironment(environment))
  throw new Error("run: this Vite cannot run modules; expected Vite 6 or later.");
process.argv = [process.argv[0], path.resolve(entry), ...args];
try {
  await environment.runner.import(path.resolve(entry));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
// The server stays: modules that the entry imports later come through it too. It keeps no process alive.
