/** The demo page as a visitor meets it: it opens by itself, the freeze line re-plans, the three trainings run and can be taken home. */
import fs from "node:fs";
import { chromium, type Browser, type Download, type Page } from "playwright";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCatsAndDogs } from "../../src/cli/cats-dogs-files";
import { requestGpu, sparseCategoricalCrossentropy, subset, type Container } from "../../src/index";
import { loadModel, loadWeights } from "../../src/loaders/index";
import { browserArguments, findBrowser, vulkanEnvironment } from "../../tools/find-browser.mjs";

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

/** What a button gives: so many downloads, by their names. */
async function downloaded(page: Page, button: string, count: number): Promise<Record<string, Uint8Array>> {
  const downloads: Download[] = [];
  const collect = (download: Download) => void downloads.push(download);
  page.on("download", collect);
  await page.getByRole("button", { name: button, exact: true }).click();
  await expect.poll(() => downloads.length, { timeout: 60_000 }).toBe(count);
  page.off("download", collect);
  const files = downloads.map(
    async (d) => [d.suggestedFilename(), new Uint8Array(fs.readFileSync(await d.path()))] as const,
  );
  return Object.fromEntries(await Promise.all(files));
}

const bits = (model: Container) =>
  Object.fromEntries(
    model.allParameters().map((p) => [p.path, Buffer.from(p.value.slice().buffer).toString("base64")]),
  );

/** Loss and accuracy in Node, on images that the page has validated on. */
async function evaluateInNode(model: Container, images: number) {
  Object.assign(process.env, vulkanEnvironment({ only: true })); // before the first adapter is asked for
  const gpu = await requestGpu();
  try {
    await model.compile({ gpu, loss: sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
    return await model.evaluate(subset(readCatsAndDogs().validation, 0, images), { batchSize: images });
  } finally {
    model.dispose();
    gpu.dispose();
  }
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

    // The trained network as files: read in Node, it is finite, has learnt, and judges the same images in the same way.
    expect(await page.locator("#saving").isVisible()).toBe(true);
    const cell = async (row: string) =>
      await page.locator("#table tbody tr", { hasText: row }).locator("td").last().textContent();
    const { "cats-vs-dogs.keras": keras } = await downloaded(page, "Keras", 1);
    const model = await loadModel(keras);
    expect(model.allParameters().every((p) => p.value.every(Number.isFinite))).toBe(true);
    const trained = bits(model);
    const start = bits(await loadModel("assets/thaw_cifar8.keras"));
    const [inner] = model.layers.map((l) => l.name).filter((name) => trained[`${name}/Conv1/kernel`]);
    expect(trained[`${inner}/Conv1/kernel`]).not.toBe(start["Conv1/kernel"]);
    const { loss, accuracy } = await evaluateInNode(model, 20);
    expect(Math.abs(loss - Number(await cell("Validation loss")))).toBeLessThan(2e-3);
    expect(`${(100 * accuracy).toFixed(1)} %`).toBe(await cell("Validation accuracy"));
    // All formats hold the same weights.
    const { "cats-vs-dogs.onnx": onnx } = await downloaded(page, "ONNX", 1);
    expect(Object.values(bits(await loadModel(onnx))).toSorted()).toEqual(Object.values(trained).toSorted());
    const tfjs = await downloaded(page, "TF.js", 2);
    expect(Object.keys(tfjs).toSorted()).toEqual(["group1-shard1of1.bin", "model.json"]);
    const parts = Object.entries(tfjs).map(([name, bytes]) => new File([bytes as BlobPart], name));
    expect(bits(await loadModel(parts))).toEqual(trained);
    const { "cats-vs-dogs.safetensors": safetensors } = await downloaded(page, "safetensors", 1);
    expect((await loadWeights(model, safetensors)).loaded.length).toBe(model.allParameters().length);
    expect(bits(model)).toEqual(trained);
    expect(await page.locator("#saved").textContent()).toMatch(
      /^Handed to the browser: cats-vs-dogs\.safetensors \(\S+ .B\)\.$/,
    );
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
