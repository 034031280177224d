/** Where a command prints. Tests give their own. */
export interface Io {
  /** To stdout: what was asked for. */
  readonly out: (text: string) => void;
  /** To stderr: errors, and what is only worth knowing meanwhile. */
  readonly err: (text: string) => void;
  /** A person watches stdout: a line may be rewritten in place. */
  readonly interactive: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

export const consoleIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  get interactive() {
    return process.stdout.isTTY && process.env.TERM !== "dumb" && !process.env.CI;
  },
  get width() {
    return process.stdout.columns ?? 100;
  },
};
