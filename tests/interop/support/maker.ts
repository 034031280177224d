/** The Python process that makes what Thaw is compared with, in step with the tests: tools/interop_make.py. */
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

/** Larger files than this are deleted once they were used: all together would take several gigabytes. */
const kept = 24e6;

interface Answer {
  readonly request: string;
  readonly stem?: string;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (stem: string) => void;
  readonly reject: (error: Error) => void;
}

export class Maker {
  #process: ChildProcess | undefined;
  readonly #answers = new Map<string, Promise<string>>();
  readonly #waiting = new Map<string, Waiting>();

  /**
   * The path, without ending, of the files that answer a request such as `keras:resnet50`. Asked ahead, Python makes them while
   * the GPU computes something else.
   *
   * @throws what went wrong in Python.
   */
  make(request: string): Promise<string> {
    let answer = this.#answers.get(request);
    if (answer) return answer;
    answer = new Promise<string>((resolve, reject) => this.#waiting.set(request, { resolve, reject }));
    answer.catch(() => {}); // who asked ahead hears of it on asking again
    this.#answers.set(request, answer);
    this.#process ??= this.#start();
    this.#process.stdin!.write(`${request}\n`);
    return answer;
  }

  /** Deletes what was made for a request and is too large to be kept for the next run. THAW_KEEP=1 keeps everything. */
  forget(request: string, stem: string): void {
    if (process.env.THAW_KEEP) return;
    const folder = path.dirname(stem);
    const own = fs.readdirSync(folder).filter((name) => name.startsWith(`${path.basename(stem)}.`));
    const files = own.map((name) => path.join(folder, name));
    if (files.reduce((sum, file) => sum + fs.statSync(file).size, 0) <= kept) return;
    for (const file of files) fs.rmSync(file);
    this.#answers.delete(request);
  }

  /** Ends Python, also in the middle of something that was asked ahead: the file that says it is complete is written last. */
  stop(): void {
    if (this.#waiting.size > 0) this.#process?.kill();
    else this.#process?.stdin!.end();
    this.#process = undefined;
  }

  #start(): ChildProcess {
    const { THAW_INTEROP_PYTHON: python, THAW_INTEROP_FILES: folder } = process.env;
    if (!python || !folder) throw new Error("interop: found no Python; run these tests by `npm run test:interop`.");
    const started = spawn(python, ["tools/interop_make.py", folder], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: started.stdout }).on("line", (line) => {
      if (!line.startsWith("made ")) return;
      const { request, stem, error } = JSON.parse(line.slice(5)) as Answer;
      const waiting = this.#waiting.get(request);
      this.#waiting.delete(request);
      if (stem !== undefined) waiting?.resolve(stem);
      else waiting?.reject(new Error(`Python could not make ${request}: ${error}`));
    });
    started.on("exit", (code, signal) => {
      for (const [request, { reject }] of this.#waiting)
        reject(new Error(`Python ended (${signal ?? code}) before it had made ${request}`));
      this.#waiting.clear();
    });
    return started;
  }
}
