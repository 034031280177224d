// npm start: serves the demo from source and opens it where there is a screen. Arguments: [--port N] [--no-open]
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createServer } from "vite";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: process.env.PORT ?? "5173" },
    open: { type: "boolean", default: hasScreen() },
  },
  allowNegative: true,
});

function hasScreen() {
  const { env, platform } = process;
  if (env.CI || env.SSH_CONNECTION) return false;
  return platform !== "linux" || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const server = await createServer({
  configFile: path.join(root, "vite.config.ts"),
  mode: "demo",
  server: { port: Number(values.port), open: values.open },
});
await server.listen();
console.log("\n  Thaw: the demo page. Any browser with WebGPU can open it (current Chrome, Edge, Safari or Firefox).");
server.printUrls();
console.log("  Stop with Ctrl+C.");
