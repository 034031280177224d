/**
 * The lesson in a headless Chromium, for machines where Node has no WebGPU: Vite serves examples/finetune.html from a
 * checkout, Playwright opens it. Neither is in the published package, which says so.
 */
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type * as Playwright from "playwright";
import type * as Vite from "vite";
import { ThawError, type AdapterDescription } from "../index";
import type { JobEvent, JobResult } from "../../examples/cats-vs-dogs";
import { packageRoot } from "./files";
import type { JobHandlers, JobRequest } from "./finetune-command";

/** Called in the page. */
interface Page {
  runFinetune: (request: JobRequest) => Promise<{ result?: JobResult; error?: string }>;
}

export async function runInBrowser(
  request: JobRequest,
  { onAdapter, onEvent, signal }: JobHandlers,
): Promise<JobResult> {
  const { vite, playwright, finder } = await developmentTools();
  const executablePath = finder.ensureBrowser();
  const server = await vite.createServer({
    configFile: false,
    root: packageRoot,
    cacheDir: path.join(packageRoot, "node_modules/.vite-finetune"),
    logLevel: "error",
    appType: "mpa",
    // Packages that the page meets late would make Vite reload it in the middle of the work.
    optimizeDeps: { noDiscovery: true, include: ["h5wasm", "fflate"] },
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
  });
  let browser: Awaited<ReturnType<typeof playwright.chromium.launch>> | undefined;
  const stop = () => void browser?.close();
  try {
    await server.listen();
    browser = await playwright.chromium.launch({
      executablePath,
      args: finder.browserArguments(),
      handleSIGINT: false,
    });
    signal.addEventListener("abort", stop, { once: true });
    signal.throwIfAborted();
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(error));
    await page.exposeFunction("thawAdapter", (adapter: AdapterDescription) =>
      onAdapter(adapter, `Chromium ${browser!.version()}`),
    );
    await page.exposeFunction("thawEvent", (event: JobEvent) => onEvent(event));
    await page.goto(`${server.resolvedUrls!.local[0]}examples/finetune.html`);
    const { result, error } = await page.evaluate(
      async (r) => await (globalThis as unknown as Page).runFinetune(r),
      request,
    );
    if (!result) throw new ThawError("browser", error ?? "gave no result", "the results of the lesson");
    return result;
  } catch (error) {
    signal.throwIfAborted(); // what else happens then is only that the browser went away
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await browser?.close();
    await server.close();
  }
}

async function developmentTools() {
  const tools = path.join(packageRoot, "tools/find-browser.mjs");
  if (!fs.existsSync(tools)) {
    const remedy =
      'Install Node\'s WebGPU ("npm install webgpu") and a Vulkan driver, or open the demo page in a browser.';
    throw new ThawError(
      "finetune",
      "the published package cannot start a browser",
      "--runtime node, or a checkout of Thaw's sources",
      remedy,
    );
  }
  // Names in variables: the build must not take development tools into the package.
  const [viteName, playwrightName] = ["vite", "playwright"];
  return {
    vite: (await load(viteName)) as typeof Vite,
    playwright: (await load(playwrightName)) as typeof Playwright,
    finder: (await load(pathToFileURL(tools).href)) as {
      ensureBrowser: () => string;
      browserArguments: () => string[];
    },
  };
}

const load = async (name: string): Promise<unknown> => await import(/* @vite-ignore */ name);
