/** The page of the benchmark: one function, which the command calls. */
import ortWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import type { SuiteOptions, SuiteResult } from "../result";
import { runSuite } from "../suite";

interface Page {
  /** Given by the command; prints progress. */
  readonly benchSay: (text: string) => void;
  runBench: (options: SuiteOptions) => Promise<{ result?: SuiteResult; error?: string }>;
}

const page = globalThis as unknown as Page;

page.runBench = async (options) => {
  const say = (text: string) => page.benchSay(text);
  try {
    return { result: await runSuite(options, { say, ort: { wasm: new URL(ortWasm, location.href).href } }) };
  } catch (error) {
    return { error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) };
  }
};
