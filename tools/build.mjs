// Builds the package into dist/: JavaScript by Vite, declarations by tsc.
//
// The sources import without file extensions, as bundlers allow; Node's resolution of types does not, so the relative
// imports of the declarations get theirs here. WGSL, which Vite imports as text, has no declaration: it is declared a string.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = path.join(root, "dist");

await build({ root, configFile: path.join(root, "vite.config.ts"), logLevel: "warn" });

const tsc = path.join(root, "node_modules/typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

const program = /export \{ default as (\w+) \} from "[^"]*\.wgsl\?raw";/g;
const specifier = /(from |import\(|import )"(\.\.?\/[^"]*)"/g;
for (const name of fs.readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = path.join(dist, name);
  const text = fs.readFileSync(file, "utf8");
  const declared = text.replace(program, "export declare const $1: string;");
  const withExtensions = declared.replace(
    specifier,
    (_, before, target) => `${before}"${withExtension(file, target)}"`,
  );
  if (withExtensions !== text) fs.writeFileSync(file, withExtensions);
}
fs.chmodSync(path.join(dist, "cli.js"), 0o755);

/**
 * @param {string} importer
 * @param {string} target
 */
function withExtension(importer, target) {
  const bare = target.replace(/\.[jt]s$/, "");
  const found = [bare, `${bare}/index`].find((name) => fs.existsSync(path.resolve(importer, "..", `${name}.d.ts`)));
  if (found === undefined)
    throw new Error(`build: ${importer} imports "${target}", which has no declaration in dist/.`);
  return `${found}.js`;
}

for (const name of fs.readdirSync(dist).filter((entry) => entry.endsWith(".js"))) {
  console.log(`dist/${name}  ${(fs.statSync(path.join(dist, name)).size / 1024).toFixed(1)} KiB`);
}
