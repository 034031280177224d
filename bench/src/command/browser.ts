/** The benchmark in one page of one browser, and the pages that are timed from their beginning. */
import path from "node:path";
import { chromium, type Browser } from "playwright";
import { preview } from "vite";
import { browserArguments, ensureBrowser } from "../../../tools/find-browser.mjs";
import { summarise } from "../measure/timing";
import { relativeError } from "../random";
import { ratioOf, type Row, type SuiteOptions, type SuiteResult } from "../result";
import { checkAgreement } from "../rows/context";
import { buildLoadPage, buildPage, type Places } from "./build";

type Say = (text: string) => void;

export interface BrowserSession {
  /** Such as `page, Chromium 156.0.1.2`. */
  readonly name: string;
  readonly suite: (options: SuiteOptions) => Promise<SuiteResult>;
  readonly load: (rounds: number) => Promise<Row>;
  readonly close: () => Promise<void>;
}

/** Folders that are served, by the name of the page in them. */
export async function openBrowser(places: Places, say: Say): Promise<BrowserSession> {
  const server = await preview({
    configFile: false,
    root: places.bench,
    logLevel: "error",
    appType: "mpa",
    build: { outDir: places.out },
    // Isolated pages have a clock of five microseconds, others of a hundred.
    preview: {
      host: "127.0.0.1",
      port: 0,
      headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
    },
  });
  const [origin] = server.resolvedUrls!.local;
  const browser = await chromium.launch({ executablePath: ensureBrowser(), args: browserArguments() });
  return {
    name: `page, Chromium ${browser.version()}`,
    suite: async (options) => {
      await buildPage(places, "suite");
      return await runSuite(browser, `${origin}suite/suite.html`, options, say);
    },
    load: async (rounds) => {
      await buildLoadPage(places, "load-thaw");
      await buildLoadPage(places, "load-tfjs");
      return await loadRow(browser, origin, rounds);
    },
    close: async () => {
      await browser.close();
      await server.close();
    },
  };
}

interface SuitePage {
  readonly runBench: (options: SuiteOptions) => Promise<{ result?: SuiteResult; error?: string }>;
}

async function runSuite(browser: Browser, url: string, options: SuiteOptions, say: Say): Promise<SuiteResult> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => say(`page: ${error.message}`));
  page.on("crash", () => say("page: it crashed"));
  await page.exposeFunction("benchSay", say);
  await page.goto(url, { waitUntil: "load" });
  const { result, error } = await page.evaluate(
    async (given) => await (globalThis as unknown as SuitePage).runBench(given),
    options,
  );
  await page.close();
  if (!result) throw new Error(error);
  return result;
}

/** A page that nothing was loaded into before. */
async function firstStep(browser: Browser, url: string): Promise<{ milliseconds: number; loss: number }> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "commit" });
    const handle = await page.waitForFunction(() => (globalThis as { firstStep?: unknown }).firstStep, undefined, {
      timeout: 120_000,
      polling: 100,
    });
    const outcome = (await handle.jsonValue()) as { milliseconds: number; loss: number } | { error: string };
    if ("error" in outcome) throw new Error(`${path.posix.basename(url)}: ${outcome.error}`);
    return outcome;
  } finally {
    await context.close();
  }
}

async function loadRow(browser: Browser, origin: string, rounds: number): Promise<Row> {
  const times = { thaw: [] as number[], tfjs: [] as number[] };
  const losses = { thaw: 0, tfjs: 0 };
  for (let round = 0; round < rounds; round++) {
    for (const system of ["thaw", "tfjs"] as const) {
      const name = `load-${system}`;
      const { milliseconds, loss } = await firstStep(browser, `${origin}${name}/${name}.html`);
      times[system].push(milliseconds);
      losses[system] = loss;
    }
  }
  const [thaw, tfjs] = [summarise(times.thaw), summarise(times.tfjs)];
  const parity = checkAgreement("load/first-step: TF.js", relativeError([losses.tfjs], [losses.thaw]));
  const note =
    "from the beginning of navigation in a fresh page: program, weights and batch are fetched, and the head is trained one step";
  return { id: "load/first-step", unit: "ms", thaw, tfjs, ratio: ratioOf(thaw, tfjs), parity, note };
}
