/** The end of a run: the table on stdout, and the file. */
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import type { BenchResult, SuiteOptions } from "../result";
import { reportLines } from "./report";

export const usage = `npm run bench -- [--quick] [--large] [--only PART[,PART...]] [--json FILE] [--runtime page|node]

  --quick    fewer rounds, and the problems of the goals only: under three minutes on two cores
  --large    also MobileNetV2 1.0 and ResNet50 at 224x224, for GPUs; slow on a software adapter
  --only     rows whose id holds one of the parts, such as step/ or dw
  --json     writes everything there, with adapter, versions and commit
  --runtime  page (default): one page of a Chromium; node: in Node
THAW_ADAPTER=default takes the machine's own GPU instead of a software adapter.`;

export interface Arguments extends SuiteOptions {
  readonly json: string | undefined;
  readonly runtime: "page" | "node";
  readonly help: boolean;
}

/** @throws for an option that does not exist. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      large: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      json: { type: "string" },
      runtime: { type: "string", default: "page" },
      help: { type: "boolean", default: false },
    },
  });
  const { quick, large, json, runtime, help } = values;
  if (runtime !== "page" && runtime !== "node") throw new Error(`--runtime ${runtime}; expected page or node`);
  return { quick, large, json, runtime, help, only: values.only.split(",").filter(Boolean) };
}

export function output(result: BenchResult, json: string | undefined): void {
  for (const line of reportLines(result)) console.log(line);
  if (json === undefined) return;
  fs.mkdirSync(path.dirname(path.resolve(json)), { recursive: true });
  fs.writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
}

/** Progress, on stderr, with the seconds since the program started. */
export const say = (text: string): void => {
  process.stderr.write(`${(performance.now() / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
};
