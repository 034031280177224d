import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { zipSync } from "fflate";
import { PNG } from "pngjs";
import { afterAll, expect, it } from "vitest";
import { datasetFromFiles } from "../../src/transfer/data/files";
import { datasetFromImages } from "../../src/transfer/data/images";
import { datasetFromVideo } from "../../src/transfer/data/video";
import { testGpu } from "../support/gpu";
import { decode, expectPets, files, imageFilesSuite, named } from "../support/image-files";
import { resizeSuite } from "../support/resize";
import { streamSuite } from "../support/stream";

const getGpu = testGpu();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-images-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));

resizeSuite(getGpu);
imageFilesSuite(getGpu);
streamSuite(getGpu);

it("reads a folder, links that lead in a circle among it, and an archive by their paths", async () => {
  for (const [name, bytes] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), bytes);
  }
  fs.symlinkSync(folder, path.join(folder, "pets", "again"));
  expectPets(await datasetFromFiles(getGpu(), folder, { size: [2, 3], decode }));
  const archive = path.join(folder, "pets.zip");
  fs.writeFileSync(archive, zipSync(files));
  expectPets(await datasetFromFiles(getGpu(), archive, { size: [2, 3], decode }));
  await expect(datasetFromFiles(getGpu(), `${folder}/none`, { size: 2, decode })).rejects.toThrow("no folder");
});

it("takes what pngjs decodes", async () => {
  const png = new PNG({ width: 4, height: 2 });
  png.data.fill(255);
  png.data.set([1, 2, 3, 255]);
  const data = await datasetFromImages(getGpu(), [new Uint8Array(PNG.sync.write(png))], {
    size: [2, 4],
    labels: ["a"],
    decode: (bytes) => PNG.sync.read(Buffer.from(bytes)),
  });
  expect([...data.x.subarray(0, 6)]).toEqual([1, 2, 3, 255, 255, 255]);
});

it("says that Node has no decoder and no videos", async () => {
  const message = "there is no image decoder here; expected the option decode(bytes, name)";
  await expect(datasetFromFiles(getGpu(), named(), { size: 2 })).rejects.toThrow(message);
  await expect(datasetFromImages(getGpu(), [new Blob([])], { size: 2 })).rejects.toThrow(message);
  await expect(datasetFromVideo(getGpu(), {} as MediaStream, { size: 2 })).rejects.toThrow("there are no videos here");
});
