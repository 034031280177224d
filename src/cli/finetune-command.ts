/** `thaw finetune`: the lesson in a terminal. */
import { adapterName, requestGpu, ThawError, type AdapterDescription, type Gpu } from "../index";
import { runMainJob, type JobEvent, type JobResult } from "../../examples/cats-vs-dogs";
import { readCatsAndDogs } from "./cats-dogs-files";
import { assetPath, readFile, writeFile } from "./files";
import { FinetuneReport } from "./finetune-report";
import type { Io } from "./io";

export interface FinetuneArguments {
  readonly quick?: boolean;
  readonly seed: number;
  readonly epochs?: number;
  readonly out: string;
  readonly runtime?: "node" | "browser";
}

/** What a runtime needs to know. */
export interface JobRequest {
  readonly seed: number;
  readonly quick: boolean;
  readonly epochs?: number;
}

/** What a runtime does with it. */
export interface JobHandlers {
  readonly onAdapter: (adapter: AdapterDescription, runtime: string) => void;
  readonly onEvent: (event: JobEvent) => void;
  readonly signal: AbortSignal;
}

export async function finetuneCommand(options: FinetuneArguments, io: Io): Promise<void> {
  const started = performance.now();
  const report = new FinetuneReport(io);
  let where: { adapter: AdapterDescription; runtime: string } | undefined;
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  process.once("SIGINT", interrupt);
  try {
    const handlers: JobHandlers = {
      onAdapter: (adapter, runtime) => {
        where = { adapter, runtime };
        report.begin(adapterName(adapter), runtime, options);
      },
      onEvent: (event) => report.event(event),
      signal: abort.signal,
    };
    const { seed, quick = false, epochs } = options;
    const result = await runSomewhere(
      { seed, quick, ...(epochs !== undefined && { epochs }) },
      options.runtime,
      handlers,
      io,
    );
    const seconds = (performance.now() - started) / 1000;
    report.end(result, seconds);
    writeFile("finetune", options.out, `${JSON.stringify({ ...where, quick, ...result, seconds }, null, 2)}\n`);
    io.out(`\nAll numbers: ${options.out}\n`);
  } finally {
    report.close();
    process.off("SIGINT", interrupt);
  }
}

async function runSomewhere(
  request: JobRequest,
  runtime: FinetuneArguments["runtime"],
  handlers: JobHandlers,
  io: Io,
): Promise<JobResult> {
  if (runtime !== "browser") {
    try {
      return await runHere(await requestGpu(), request, handlers);
    } catch (error) {
      const noAdapter = error instanceof ThawError && error.message.startsWith("requestGpu");
      if (runtime === "node" || !noAdapter) throw error;
      io.err(`Node has no adapter, so a headless browser does it. (${error.message})\n`);
    }
  }
  const { runInBrowser } = await import("./browser-runtime");
  return await runInBrowser(request, handlers);
}

async function runHere(gpu: Gpu, request: JobRequest, { onAdapter, onEvent, signal }: JobHandlers): Promise<JobResult> {
  try {
    onAdapter(gpu.adapter, `Node ${process.versions.node}`);
    const modelBytes = readFile("finetune", assetPath("thaw_cifar8.keras"));
    return await runMainJob({ gpu, modelBytes, data: readCatsAndDogs(), ...request, signal, onEvent });
  } finally {
    gpu.dispose();
  }
}
