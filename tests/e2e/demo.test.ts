/** The demo page as a visitor meets it: it opens by itself, the freeze line re-plans, the three trainings run. */
import { chromium, type Browser, type Page } from "playwright";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserArguments, findBrowser } from "../../tools/find-browser.mjs";

let server: ViteDevServer;
let browser: Browser;
const problems: string[] = [];

async function open(path: string, prepare?: (page: Page) => Promise<void>): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await prepare?.(page);
  await page.goto(new URL(path, server.resolvedUrls!.local[0]).href);
  return page;
}

/** The number that begins a total: "149 of 192" is 149. */
async function total(page: Page, name: string): Promise<number> {
  const entry = page.locator("#totals > div", { hasText: name }).locator("dd");
  return Number.parseFloat((await entry.first().textContent()) ?? "");
}

beforeAll(async () => {
  server = await createServer({
    configFile: "vite.config.ts",
    mode: "demo",
    logLevel: "error",
    server: { port: 0, open: false, watch: null },
  });
  await server.listen();
  const executablePath = findBrowser();
  browser = await chromium.launch({ ...(executablePath && { executablePath }), args: browserArguments() });
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

describe("the demo page", () => {
  it("opens with the plan, freezes and thaws it, and trains three ways", async () => {
    const page = await open("?epochs=1&images=20&validation=20");
    await page.locator("#main").waitFor({ state: "visible", timeout: 90_000 });
    expect(await page.locator("#adapter").textContent()).toMatch(/^Runs on \S+/);

    // All but the new layer is frozen at first: its gradient is all that is left of the backward pass.
    const layers = await page.locator("#plan tbody tr").count();
    expect(layers).toBeGreaterThan(70);
    expect(await page.locator("#plan .cell", { hasText: /^dw$/ }).and(page.locator(":not(.skipped)")).count()).toBe(1);
    const frozen = await total(page, "Dispatches");
    await page.locator("#freeze").fill("0");
    expect(await total(page, "Dispatches")).toBeGreaterThan(5 * frozen);
    expect(await page.locator("#frozen").textContent()).toBe("nothing is frozen");
    await page.locator("#freeze").fill("20");
    const half = await total(page, "Dispatches");
    expect(half).toBeGreaterThan(frozen);
    expect(await page.locator("#plan tbody").textContent()).toContain("dw skipped: it is frozen");

    await page.getByRole("button", { name: "Train three ways" }).click();
    await page.locator("#results").waitFor({ state: "visible", timeout: 90_000 });
    expect(await page.locator("#accuracy polyline").count()).toBe(3);
    expect(await page.locator("#loss polyline").count()).toBe(3);
    expect(await page.locator("#table tbody tr").first().textContent()).toMatch(/accuracy.*%.*%.*%/);
    expect(await page.locator("#verdict").textContent()).toMatch(/Freezing left out \d+ of \d+ backward dispatches/);
    await page.close();
    expect(problems).toEqual([]);
  });

  it("fits a phone", async () => {
    const page = await open("", async (p) => p.setViewportSize({ width: 390, height: 844 }));
    await page.locator("#main").waitFor({ state: "visible", timeout: 90_000 });
    const wider = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(wider).toBe(0);
    await page.close();
  });

  it("stops when asked", async () => {
    const page = await open("?images=40&validation=20");
    await page.locator("#main").waitFor({ state: "visible", timeout: 90_000 });
    await page.getByRole("button", { name: "Train three ways" }).click();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.locator("#status", { hasText: "Stopped." }).waitFor({ timeout: 60_000 });
    expect(await page.getByRole("button", { name: "Train three ways" }).isEnabled()).toBe(true);
    await page.close();
  });

  it("says what is missing where there is no WebGPU", async () => {
    const page = await open("", async (p) => {
      await p.addInitScript(() => Object.defineProperty(navigator, "gpu", { value: undefined }));
    });
    await page.locator("#adapter.problem").waitFor({ timeout: 60_000 });
    expect(await page.locator("#adapter").textContent()).toMatch(/requestGpu: .*; expected /);
    await page.close();
  });
});
