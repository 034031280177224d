// The packages of bench/package.json, which the benchmark measures beside Thaw and the interop tests load Thaw's files with.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/**
 * Installs them into bench/node_modules where they are missing or not the locked ones.
 * @param {string} bench the folder bench/
 * @param {(text: string) => void} say
 */
export function installBenchPackages(bench, say) {
  /** @type {{ dependencies: Record<string, string> }} */
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(bench, "package.json"), "utf8"));
  if (Object.entries(dependencies).every(([name, version]) => installedVersion(bench, name) === version)) return;
  say("installing the peers into bench/node_modules");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: bench, stdio: ["ignore", 2, 2] });
}

/**
 * @param {string} bench the folder bench/
 * @param {string} name of a package
 * @returns {string | undefined}
 */
export function installedVersion(bench, name) {
  const file = path.join(bench, "node_modules", name, "package.json");
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).version : undefined;
}
