/**
 * npm run study: what transfer learning gives, on the embedded images, and what it costs.
 *
 * Rows are written as they come. A study that was interrupted goes on where it stopped: conditions that the file has already for a seed are not run
 * again (`--again` runs them all).
 */
import fs from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { adapterName, requestGpu } from "../src/index";
import { readCatsAndDogs } from "../src/cli/cats-dogs-files";
import { experiments, type Measured } from "./experiments";
import { Lab } from "./lab";
import { report } from "./report";
import { full, quick } from "./settings";

export interface Row {
  readonly id: string;
  readonly seed: number;
  readonly measured: Measured;
}

export interface Study {
  readonly adapter: string;
  readonly commit: string;
  readonly date: string;
  readonly settings: object;
  readonly rows: readonly Row[];
}

const command = new Command("study")
  .description(
    "Transfer learning on the embedded cats and dogs: labels, depth, augmentation, pseudo-labels, SimCLR, rates.",
  )
  .option("--quick", "one seed, few images and epochs: five minutes, to see that it works")
  .option("--only <ids>", "conditions whose id begins with one of these, e.g. labels/10,rate")
  .option("--seeds <list>", "e.g. 1,2,3")
  .option("--out <file>", "default docs/studies/transfer-learning.json, or out/study.json with --quick")
  .option("--minutes <n>", "begins no condition after so many minutes; the next call goes on", Number)
  .option("--again", "runs conditions that the file has already");
command.parse();
const options = command.opts<{
  quick?: boolean;
  only?: string;
  seeds?: string;
  out?: string;
  minutes?: number;
  again?: boolean;
}>();

const settings = options.quick ? quick : full;
const seeds = options.seeds?.split(",").map(Number) ?? settings.seeds;
const out = options.out ?? (options.quick ? "out/study.json" : "docs/studies/transfer-learning.json");
const began = performance.now();
const known: Row[] =
  fs.existsSync(out) && !options.again ? (JSON.parse(fs.readFileSync(out, "utf8")) as Study).rows.slice() : [];
const gpu = await requestGpu();
const modelBytes = new Uint8Array(fs.readFileSync("assets/thaw_cifar8.keras"));
const lab = new Lab({ gpu, modelBytes, images: readCatsAndDogs(), settings });
const { execSync } = await import("node:child_process");
const commit = execSync("git rev-parse --short HEAD").toString().trim();

const save = (): Study => {
  const study = {
    adapter: adapterName(gpu.adapter),
    commit,
    date: new Date().toISOString().slice(0, 10),
    settings,
    rows: known,
  };
  fs.mkdirSync(path.dirname(out), { recursive: true });
  fs.writeFileSync(out, `${JSON.stringify(study, null, 1)}\n`);
  return study;
};

const wanted = options.only?.split(",");
const conditions = (await experiments(lab)).filter(({ id }) => !wanted || wanted.some((start) => id.startsWith(start)));
let left = 0;
// Seed by seed, so that whatever is there at any time is whole for the seeds before.
for (const seed of seeds) {
  for (const { id, run } of conditions) {
    if (known.some((row) => row.id === id && row.seed === seed)) continue;
    if (options.minutes !== undefined && performance.now() - began > 60_000 * options.minutes) {
      left++;
      continue;
    }
    const start = performance.now();
    const measured = await run(lab, seed);
    const took = ((performance.now() - start) / 1000).toFixed(0);
    known.push({ id, seed, measured });
    console.log(`${id}, seed ${seed}: ${JSON.stringify(measured)} (${took} s)`);
    save();
  }
}
console.log(`\n${report(save())}`);
if (left > 0) console.log(`${left} rows are left; call it again to go on.`);
console.log(`All numbers: ${out}`);
gpu.dispose();
