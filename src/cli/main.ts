#!/usr/bin/env node
/** The command line: `thaw COMMAND`, or from a checkout `npm run thaw -- COMMAND`. */
import { consoleIo } from "./io";
import { runCli } from "./program";

// A reader that went away (`thaw plan ... | head`) ends the command quietly.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const status = await runCli(process.argv.slice(2), consoleIo);
// Written output first; then out, because Node's WebGPU keeps threads that would hold the process.
process.stdout.write("", () => process.exit(status));
