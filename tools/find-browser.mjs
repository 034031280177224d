// Finds a Chromium-based browser for the tests, for the command line and for the demo's own tests; and Firefox, the
// second WebGPU, in which the tests run where it is installed.
//
// Order: CHROME_PATH; an installed Chrome or Chromium; Playwright's own. `ensureBrowser` installs one where none of
// these is there. Run directly (`node tools/find-browser.mjs`), it prints the path, installing if it must.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const commands = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome"];

/** Usual places of browsers that do not put themselves on PATH. */
function usualPlaces() {
  const { env, platform } = process;
  if (platform === "darwin") {
    const apps = ["Google Chrome", "Chromium", "Google Chrome Canary"];
    const folders = ["/Applications", path.join(env.HOME ?? "", "Applications")];
    return folders.flatMap((folder) => apps.map((app) => `${folder}/${app}.app/Contents/MacOS/${app}`));
  }
  if (platform === "win32") {
    const roots = [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA].filter((root) => root !== undefined);
    const apps = ["Google\\Chrome\\Application\\chrome.exe", "Chromium\\Application\\chrome.exe"];
    return roots.flatMap((root) => apps.map((app) => path.win32.join(root, app)));
  }
  return ["/opt/google/chrome/chrome", "/usr/lib/chromium/chromium", "/snap/bin/chromium"];
}

/** @param {string} file */
function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @param {string[]} names */
function onPath(names = commands) {
  if (process.platform === "win32") return [];
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
  return names.flatMap((command) => folders.map((folder) => path.join(folder, command)));
}

/** Path of Playwright's own Chromium, whether or not it has been downloaded. */
function playwrightsOwn() {
  try {
    // Asked for only here, because loading Playwright takes longer than all the rest of the search.
    /** @type {typeof import("playwright")} */
    const { chromium } = createRequire(import.meta.url)("playwright");
    return [chromium.executablePath()];
  } catch {
    return []; // a platform for which Playwright has no browser
  }
}

/**
 * Path of a browser that is already here, or undefined.
 * @returns {string | undefined}
 */
export function findBrowser() {
  const wanted = process.env.CHROME_PATH;
  if (wanted) {
    if (isExecutable(wanted)) return wanted;
    throw new Error(
      `find-browser: CHROME_PATH is "${wanted}", which is not an executable file; expected the path of a Chrome or ` +
        `Chromium. Correct CHROME_PATH, or unset it to let Thaw look for a browser.`,
    );
  }
  return [...onPath(), ...usualPlaces()].find(isExecutable) ?? playwrightsOwn().find(isExecutable);
}

/**
 * Runs a command with its output on stderr (stdout stays free for what the caller prints).
 * @param {string} command
 * @param {string[]} args
 */
function succeeds(command, args) {
  console.error(`find-browser: ${command} ${args.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status } = spawnSync(command, args, { stdio: ["ignore", 2, 2], env });
  return status === 0;
}

/**
 * Path of a browser; installs one where there is none.
 * @returns {string}
 */
export function ensureBrowser() {
  const found = findBrowser();
  if (found) return found;
  console.error("find-browser: no Chrome or Chromium found; installing one");
  const root = fileURLToPath(new URL("..", import.meta.url));
  const playwright = path.join(root, "node_modules/playwright/cli.js");
  const debianRoot = process.platform === "linux" && process.getuid?.() === 0 && isExecutable("/usr/bin/apt-get");
  if (succeeds(process.execPath, [playwright, "install", "chromium"])) {
    // A download alone does not start on a bare Debian, where the libraries it needs are missing.
    if (debianRoot) succeeds(process.execPath, [playwright, "install-deps", "chromium"]);
    const own = findBrowser();
    if (own && starts(own)) return own;
  }
  if (debianRoot && succeeds("apt-get", ["update"]) && succeeds("apt-get", ["install", "-y", "chromium"])) {
    const debians = findBrowser();
    if (debians) return debians;
  }
  throw new Error(
    "find-browser: found no Chrome or Chromium and could not install one; expected one to run WebGPU in. Install " +
      "Google Chrome or Chromium (Debian: `apt-get install chromium`), or name one you have: " +
      "`CHROME_PATH=/path/to/chrome npm test`.",
  );
}

/** @param {string} browser */
function starts(browser) {
  return spawnSync(browser, ["--version"], { stdio: "ignore", timeout: 30_000 }).status === 0;
}

/**
 * Command line switches that give a headless Chromium a WebGPU adapter.
 * The default is SwiftShader, a software adapter that is the same everywhere; THAW_ADAPTER=default takes the machine's.
 */
export function browserArguments() {
  const machines = process.env.THAW_ADAPTER === "default";
  return [
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    ...(machines ? ["--ignore-gpu-blocklist", "--enable-features=Vulkan"] : ["--use-webgpu-adapter=swiftshader"]),
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ];
}

/**
 * The description file of SwiftShader's Vulkan driver, which Chromium brings along and Node's WebGPU can use too.
 * @param {string | undefined} browser
 * @returns {string | undefined}
 */
export function softwareVulkan(browser = findBrowser()) {
  if (!browser) return undefined;
  // /usr/bin/chromium is a script that starts /usr/lib/chromium/chromium; Chrome's is a link into /opt.
  const folders = [path.dirname(fs.realpathSync(browser)), "/usr/lib/chromium", "/opt/google/chrome"];
  return folders.map((folder) => path.join(folder, "vk_swiftshader_icd.json")).find((file) => fs.existsSync(file));
}

/**
 * Environment in which Node's WebGPU sees SwiftShader beside the machine's own Vulkan drivers, or nothing but it.
 * THAW_ADAPTER=default leaves the machine's drivers alone.
 * @param {{ only: boolean }} options
 * @returns {Record<string, string>}
 */
export function vulkanEnvironment({ only }) {
  /** @type {Record<string, string>} */
  const env = process.env.XDG_RUNTIME_DIR ? {} : { XDG_RUNTIME_DIR: os.tmpdir() }; // Mesa complains without one
  const icd = process.env.THAW_ADAPTER === "default" ? undefined : softwareVulkan();
  if (!icd) return env;
  if (only) return { ...env, VK_ICD_FILENAMES: icd };
  // Mesa's llvmpipe, the other software driver, is left out: Dawn refuses Debian's with a page of warnings.
  return { ...env, VK_ADD_DRIVER_FILES: icd, VK_LOADER_DRIVERS_DISABLE: "*lvp*" };
}

const firefoxCommands = ["firefox", "firefox-esr"];

/**
 * Firefox for the tests, with the environment that gives it an adapter; or why there is none.
 *
 * The adapter is Mesa's llvmpipe, a software one, so that it is the same on every machine; THAW_ADAPTER=default takes the
 * machine's own. With THAW_REQUIRE_FIREFOX set, having none is an error: a run that must cover it cannot leave it out.
 * @returns {{ firefox: string, env: Record<string, string> } | { firefox: undefined, reason: string }}
 */
export function findFirefox() {
  const { env, platform } = process;
  const wanted = env.FIREFOX_PATH;
  if (wanted && !isExecutable(wanted)) {
    throw new Error(
      `find-browser: FIREFOX_PATH is "${wanted}", which is not an executable file; expected the path of a Firefox. ` +
        "Correct FIREFOX_PATH, or unset it to let Thaw look for one.",
    );
  }
  const places = platform === "darwin" ? ["/Applications/Firefox.app/Contents/MacOS/firefox"] : [];
  if (platform === "win32") places.push(path.win32.join(env.PROGRAMFILES ?? "", "Mozilla Firefox\\firefox.exe"));
  const firefox = wanted || [...onPath(firefoxCommands), ...places].find(isExecutable);
  if (!firefox) return without("no Firefox is installed (Debian: firefox-esr)");
  if (env.THAW_ADAPTER === "default") return { firefox, env: {} };
  const icd = llvmpipeVulkan();
  if (!icd) return without(`${firefox} has no llvmpipe to run on (Debian: mesa-vulkan-drivers)`);
  return { firefox, env: { VK_ICD_FILENAMES: icd } };
}

/**
 * @param {string} reason
 * @returns {{ firefox: undefined, reason: string }}
 */
function without(reason) {
  if (process.env.THAW_REQUIRE_FIREFOX) throw new Error(`find-browser: ${reason}; THAW_REQUIRE_FIREFOX asks for it.`);
  return { firefox: undefined, reason };
}

/** The description file of llvmpipe's Vulkan driver, where Mesa is installed. */
function llvmpipeVulkan() {
  const folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
  const files = folders
    .filter((folder) => fs.existsSync(folder))
    .flatMap((folder) =>
      fs
        .readdirSync(folder)
        .filter((name) => /^lvp_icd\b.*\.json$/.test(name))
        .map((name) => path.join(folder, name)),
    );
  // A 64-bit machine may have the 32-bit driver too, whose file comes first.
  /** @type {Record<string, string>} */
  const machines = { x64: "x86_64", arm64: "aarch64" };
  const machine = machines[process.arch] ?? process.arch;
  return files.find((file) => file.includes(machine)) ?? files[0];
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(ensureBrowser());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
