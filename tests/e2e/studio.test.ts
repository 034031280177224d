/** The studio as a visitor meets it, built and under its policy: the guided flow, the freeze line, own networks and images, files to keep. */
import fs from "node:fs";
import { gzipSync, zipSync } from "fflate";
import { PNG } from "pngjs";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCatsAndDogs } from "../../src/cli/cats-dogs-files";
import {
  Conv2D,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  requestGpu,
  sparseCategoricalCrossentropy,
  subset,
  type Container,
  type Gpu,
  type PlanJson,
} from "../../src/index";
import { loadModel, loadWeights, saveModel } from "../../src/loaders/index";
import { buildTransferModel } from "../../src/transfer/index";
import { vulkanEnvironment } from "../../tools/find-browser.mjs";
import { downloaded, settled, Site } from "./site";

let site: Site;
let gpu: Gpu;

beforeAll(async () => {
  Object.assign(process.env, vulkanEnvironment({ only: true })); // before the first adapter is asked for
  site = await Site.open();
  gpu = await requestGpu();
});

afterAll(async () => {
  gpu.dispose();
  await site.close();
});

const bits = (model: Container) =>
  Object.fromEntries(
    model.allParameters().map((p) => [p.path, Buffer.from(p.value.slice().buffer).toString("base64")]),
  );

/** For what the worker answers. */
const patient = { timeout: 60_000 };

/** A consequence of the freeze line, as the page shows it. */
const measure = async (page: Page, name: string) =>
  Number(await page.locator(`[data-measure=${name}]`).getAttribute("data-value"));

const flops = (p: PlanJson) => p.forward.flops + p.backward.flops + p.update.flops;

/** The same step, planned in Node. */
async function planInNode(frozen: readonly string[]): Promise<PlanJson> {
  const { model, base } = buildTransferModel(await loadModel("assets/thaw_cifar8.keras"), { classes: ["cat", "dog"] });
  await model.compile({ gpu, loss: sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
  for (const layer of base.flatLayers()) layer.trainable = !frozen.includes(layer.name);
  try {
    return model.plan({ batchSize: 20 }).toJSON();
  } finally {
    model.dispose();
  }
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(fs.readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  });
}

const overflow = async (page: Page) =>
  await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe("the studio", () => {
  it("leads from a frozen head to a fine-tuned network, and gives it away", async () => {
    const page = await site.visit("epochs=4&images=80&validation=60");
    await settled(page);
    expect(await page.locator("#adapter").textContent()).toMatch(/Runs on \S+.*No image leaves it\./);
    expect(await page.getByRole("button", { name: "Thaw and fine-tune" }).isEnabled()).toBe(false);

    await page.getByRole("button", { name: "Train the head" }).click();
    await settled(page);
    await page.locator("#confusion").waitFor();
    const accuracy = Number.parseFloat((await page.locator("#accuracy").textContent())!);
    expect(accuracy).toBeGreaterThan(54); // of two classes, after 20 steps of one layer
    const cells = await page.locator("#confusion td:not(:empty)").allTextContents();
    expect(cells.reduce((n, cell) => n + Number(cell), 0)).toBe(60);
    expect(((Number(cells[0]) + Number(cells[3])) / 0.6).toFixed(1)).toBe(accuracy.toFixed(1));
    expect(await page.locator(".moved small", { hasText: "did not move" }).count()).toBeGreaterThan(20);

    await page.locator(".settings summary").click();
    await page.getByLabel("Epochs").fill("1");
    await page.getByLabel("Epochs").blur();
    await page.getByLabel("Training images").fill("40");
    await page.getByLabel("Training images").blur();
    await page.getByRole("slider").press("End");
    for (let i = 0; i < 3; i++) await page.getByRole("slider").press("ArrowLeft");
    await page.getByRole("button", { name: "Thaw and fine-tune" }).click();
    await settled(page);
    expect(await page.locator("#runs tbody tr").count()).toBe(2);
    await page.locator("#confusion").waitFor();
    expect(await page.locator(".curves").first().getAttribute("aria-label")).toMatch(/Frozen \d+%, Fine-tuned \d+%/);
    // What lay below the line has not moved, what lay above it has.
    const moved = await page.locator(".moved small").allTextContents();
    expect(moved[0]).toBe("did not move");
    expect(Number(moved.at(-1))).toBeGreaterThan(0);
    expect(await violations(page)).toEqual([]);

    // The network as files: read in Node, it judges the same images in the same way, and all formats hold the same weights.
    const { "thaw-studio.keras": keras } = await downloaded(page, "Keras", 1);
    const model = await loadModel(keras);
    const trained = bits(model);
    await model.compile({ gpu, loss: sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
    const found = await model.evaluate(subset(readCatsAndDogs().validation, 0, 60), { batchSize: 60 });
    model.dispose();
    expect(`${(100 * found.accuracy).toFixed(1)}%`).toBe(await page.locator("#accuracy").textContent());
    const { "thaw-studio.onnx": onnx } = await downloaded(page, "ONNX", 1);
    expect(Object.values(bits(await loadModel(onnx))).toSorted()).toEqual(Object.values(trained).toSorted());
    const tfjs = Object.entries(await downloaded(page, "TF.js", 2));
    expect(bits(await loadModel(tfjs.map(([name, bytes]) => new File([bytes as BlobPart], name))))).toEqual(trained);
    const { "thaw-studio.safetensors": safetensors } = await downloaded(page, "safetensors", 1);
    expect((await loadWeights(model, safetensors)).loaded.length).toBe(model.allParameters().length);
    const { "thaw-report.json": report } = await downloaded(page, "Report", 1);
    const { runs } = JSON.parse(new TextDecoder().decode(report));
    expect(runs.map((run: { phase: string }) => run.phase)).toEqual(["head", "fineTune"]);
    expect(runs[0].points.some((p: { loss?: number }) => Number.isFinite(p.loss))).toBe(true);
    await page.context().close();
    expect(site.problems).toEqual([]);
  });

  it("plans again where the freeze line goes, as the engine does in Node", async () => {
    const page = await site.visit("");
    await settled(page);
    const line = page.getByRole("slider", { name: "Freeze line" });
    expect(await line.getAttribute("aria-valuetext")).toBe("The whole base is frozen");
    const frozen = await measure(page, "dispatches");
    await line.press("Home");
    await expect.poll(async () => await measure(page, "dispatches"), patient).toBeGreaterThan(2 * frozen);
    expect(await page.locator("#line-text").textContent()).toBe("Nothing is frozen");
    const whole = await measure(page, "flops");

    // Dragged to the middle, and one layer above it frozen on its own.
    const box = (await line.boundingBox())!;
    const strip = (await page.locator(".strip").boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(strip.x + strip.width / 2, box.y + 30, { steps: 5 });
    await page.mouse.up();
    await expect
      .poll(async () => await line.getAttribute("aria-valuetext"), patient)
      .toMatch(/^Frozen up to \S+, 6 of 11 blocks$/);
    await page.locator(".block").nth(8).click();
    expect(await page.locator("#layers tbody tr").count()).toBeGreaterThan(3);
    await page.locator("#layers .freeze-layer").first().check();
    await expect
      .poll(async () => await page.locator("#line-text").textContent(), patient)
      .toMatch(/^Frozen layer by layer/);
    await expect
      .poll(async () => await page.locator("#layers td.why").first().textContent(), patient)
      .toContain("it is frozen");

    // Played slowly, the backward pass of this step stops at the sixth block.
    await page.getByRole("button", { name: "Play one step slowly" }).click();
    await page.locator("#beat", { hasText: /^The backward pass stops above \S+:/ }).waitFor({ timeout: 20_000 });
    expect(await page.locator(".block.left-out, .block.at-stop").count()).toBe(6);
    expect(await page.locator(".block.at-stop").getAttribute("aria-label")).toBe(
      await page.locator(".block").nth(5).getAttribute("aria-label"),
    );

    const { "plan.json": file } = await downloaded(page, "This plan as JSON", 1);
    const plan = JSON.parse(new TextDecoder().decode(file)) as PlanJson;
    expect(await measure(page, "dispatches")).toBe(plan.dispatches);
    expect(await measure(page, "backward")).toBe(plan.backward.dispatches);
    expect(await measure(page, "flops")).toBe(flops(plan));
    expect(flops(plan)).toBeLessThan(whole);
    expect(await measure(page, "saved")).toBe(plan.savedActivationBytes);
    expect(await measure(page, "memory")).toBe(plan.peakBytes);
    const names = plan.layers.filter((layer) => !layer.trainable).map((layer) => layer.name.split("/").at(-1)!);
    const inNode = await planInNode(names);
    for (const key of ["dispatches", "backward", "forward", "savedActivationBytes", "peakBytes"] as const)
      expect(plan[key], key).toEqual(inNode[key]);
    await page.context().close();
    expect(site.problems).toEqual([]);
  });

  it("takes networks and images of a visitor's, and shows their names as text", async () => {
    const hostile = "<img src=x onerror=globalThis.hacked=1>";
    const image = input([16, 16, 3], { name: "image" });
    const seen = new Conv2D({ name: hostile, filters: 4, kernelSize: 3, activation: "relu" }).apply(image);
    const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(seen);
    const outputs = new Dense({ name: "old_head", units: 5 }).apply(pooled);
    const [{ bytes }] = await saveModel(new FunctionalModel({ inputs: image, outputs, name: "tiny" }), "keras");

    const page = await site.visit("epochs=2");
    await settled(page);
    const chooser = page.locator("#network input[type=file]");
    await chooser.setInputFiles("assets/thaw_cifar8.onnx");
    await settled(page);
    await expect.poll(async () => await page.locator("#network .name").textContent(), patient).toContain("229,098");
    await chooser.setInputFiles({ name: "tiny.keras", mimeType: "", buffer: Buffer.from(bytes) });
    await expect
      .poll(async () => await page.locator("#network .name").textContent(), patient)
      .toMatch(/^tiny · 16 × 16 × 3/);
    await settled(page);
    await page.locator("button.block").first().click();
    expect(await page.locator("#layers tbody").textContent()).toContain(hostile);

    // A file that is no network leaves the one that is there, and the page says what was expected.
    await chooser.setInputFiles({ name: "notes.txt", mimeType: "", buffer: Buffer.from("hello") });
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(/notes\.txt.*expected/);
    expect(await page.locator("#network .name").textContent()).toMatch(/^tiny/);

    const colours = { "<b>red": [220, 30, 40], blue: [30, 60, 220] };
    const files = Object.entries(colours).flatMap(([name, colour], id) =>
      Array.from({ length: 12 }, (_, i) => [`set/${name}/${i}.png`, picture(colour, 10 * id + i)] as const),
    );
    const zip = Buffer.from(zipSync({ ...Object.fromEntries(files), "set/readme.txt": Buffer.from("no image") }));
    await page
      .locator("#data input[accept*=zip]")
      .setInputFiles({ name: "set.zip", mimeType: "application/zip", buffer: zip });
    await page.locator(".image-class h3", { hasText: "<b>red 9 to learn, 3 to measure" }).waitFor();
    await settled(page);
    expect(await page.locator("#data summary").textContent()).toBe("1 files were left out");
    await page
      .getByRole("button", { name: "Remove set/blue/0.png" })
      .or(page.locator(".thumbnail").first())
      .first()
      .click();
    await page.locator(".image-class h3", { hasText: "8 to learn" }).waitFor();

    await page.getByRole("button", { name: "Train the head" }).click();
    await settled(page);
    expect(await page.locator(".problem").allTextContents()).toEqual([]);
    expect(await page.locator("#status").textContent()).toMatch(/^Frozen: finished/);
    await page
      .locator(".predict input[type=file]")
      .setInputFiles({ name: "one.png", mimeType: "image/png", buffer: picture(colours.blue, 3) });
    await page.locator(".prediction canvas").nth(1).waitFor();
    expect(await page.locator(".prediction .classes li").count()).toBe(2);
    expect(await page.locator("#maps-layer").textContent()).toBe(`${hostile}: 4 of 4 channels`);
    expect(await page.evaluate(() => "hacked" in globalThis)).toBe(false);
    expect(await page.locator("#app img, #app b b").count()).toBe(0);
    await page.context().close();
    expect(site.problems).toEqual([]);
  });

  it("pauses, goes on and stops; speaks Spanish, and fits a phone in the dark", async () => {
    const page = await site.visit("epochs=50&images=20&validation=20", async (p) => {
      await p.setViewportSize({ width: 360, height: 740 });
      await p.emulateMedia({ colorScheme: "dark" });
    });
    await settled(page);
    expect(await overflow(page)).toBe(0);
    await page.getByRole("button", { name: "From scratch" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator("#status", { hasText: "Paused." }).waitFor({ timeout: 60_000 });
    await page.getByRole("button", { name: "Resume" }).click();
    await page.locator("#status", { hasText: /epoch \d+ of 50/ }).waitFor({ timeout: 60_000 });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.locator("#status", { hasText: /stopped after \d+ steps/ }).waitFor({ timeout: 60_000 });
    await settled(page);

    await page.getByRole("combobox", { name: "Language" }).selectOption("es");
    await page.getByRole("button", { name: "Descongelar y hacer el ajuste fino" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("es");
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    expect(await overflow(page)).toBe(0);
    expect(await violations(page)).toEqual([]);
    await page.reload();
    await page.getByRole("button", { name: "Entrenar la cabeza" }).waitFor({ timeout: 60_000 });
    await page.context().close();
    expect(site.problems).toEqual([]);
  });

  it("says which browsers have WebGPU where there is none", async () => {
    const page = await site.visit("", async (p) => {
      await p.addInitScript(() => Object.defineProperty(navigator, "gpu", { value: undefined }));
    });
    await page.getByRole("heading", { name: "This browser has no WebGPU" }).waitFor();
    expect(await page.locator(".notice li").count()).toBeGreaterThan(2);
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  });

  it("loads less than 200 KB of JavaScript before its worker", () => {
    const scripts = site.pageScripts();
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.reduce((n, { bytes }) => n + gzipSync(bytes).length, 0)).toBeLessThan(200 * 1024);
  });
});

/** A square of about one colour. */
function picture(colour: readonly number[], seed: number): Buffer {
  const png = new PNG({ width: 20, height: 20 });
  for (let i = 0; i < 400; i++)
    png.data.set([...colour.map((v) => Math.min(255, Math.max(0, v + ((i * 37 + seed * 11) % 31) - 15))), 255], 4 * i);
  return PNG.sync.write(png);
}
