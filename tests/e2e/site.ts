/** The built site as a server would give it out, with its policy as a header too, and pages that keep count of what goes wrong. */
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { chromium, type Browser, type Download, type Page } from "playwright";
import { build } from "vite";
import { browserArguments, findBrowser } from "../../tools/find-browser.mjs";
import { contentPolicy } from "../../tools/vite-plugin-policy.mjs";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".png": "image/png",
};

export class Site {
  readonly #server: http.Server;
  readonly #browser: Browser;
  readonly #folder: string;
  readonly origin: string;
  /** Errors of pages and consoles, and requests that leave the site. */
  readonly problems: string[] = [];

  private constructor(server: http.Server, browser: Browser, folder: string) {
    this.#server = server;
    this.#browser = browser;
    this.#folder = folder;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Builds the page into a folder of its own, and serves it. */
  static async open(): Promise<Site> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-site-"));
    await build({ configFile: "vite.config.ts", mode: "demo", logLevel: "error", build: { outDir: folder } });
    const server = http.createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://site");
      const file = path.join(folder, pathname === "/" ? "index.html" : path.normalize(pathname));
      if (!file.startsWith(folder) || !fs.existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      const type = types[path.extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-security-policy": contentPolicy });
      fs.createReadStream(file).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const executablePath = findBrowser();
    const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: browserArguments() });
    return new Site(server, browser, folder);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
    fs.rmSync(this.#folder, { recursive: true });
  }

  /** A visitor with nothing remembered. @param query after the "?". */
  async visit(query: string, prepare?: (page: Page) => Promise<void>): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: "en-GB",
      colorScheme: "light",
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(message.text());
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${this.origin}/`) && !/^(blob|data):/.test(url)) this.problems.push(`asks for ${url}`);
    });
    await prepare?.(page);
    await page.goto(`${this.origin}/?${query}`);
    return page;
  }

  /** JavaScript that the page itself loads, without the worker's, in bytes. */
  pageScripts(): { name: string; bytes: Buffer }[] {
    const html = fs.readFileSync(path.join(this.#folder, "index.html"), "utf8");
    return [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(([, name]) => ({
      name,
      bytes: fs.readFileSync(path.join(this.#folder, name)),
    }));
  }
}

/** Waits until nothing runs, and something can be begun. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))); // of what was just clicked
  await page.locator(".phase.head button:enabled").waitFor({ timeout: 120_000 });
}

/** What a button gives: so many downloads, by their names. */
export async function downloaded(page: Page, button: string, count: number): Promise<Record<string, Uint8Array>> {
  const downloads: Download[] = [];
  const collect = (download: Download) => void downloads.push(download);
  page.on("download", collect);
  await page.getByRole("button", { name: button, exact: true }).click();
  const end = Date.now() + 60_000;
  while (downloads.length < count && Date.now() < end) await page.waitForTimeout(50);
  page.off("download", collect);
  if (downloads.length !== count) throw new Error(`${button}: ${downloads.length} downloads, expected ${count}`);
  const files = downloads.map(
    async (d) => [d.suggestedFilename(), new Uint8Array(fs.readFileSync(await d.path()))] as const,
  );
  return Object.fromEntries(await Promise.all(files));
}
