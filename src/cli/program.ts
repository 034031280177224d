/** The commands and their options. `runCli` ends with the status of the process: 0, 1 for errors, 2 for wrong use. */
import { Command, CommanderError, Option } from "commander";
import { ThawError } from "../index";
import type { ConvertArguments } from "./convert-command";
import { packageVersion } from "./files";
import type { Io } from "./io";
import { sizes, whole } from "./options";
import { adapters, planCommand, type PlanArguments } from "./plan-command";
import type { FinetuneArguments } from "./finetune-command";
import type { InspectArguments } from "./inspect-command";
import type { TuneArguments } from "./tune-command";

/** @param args without the program's own name */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const outcome = { status: 0 };
  try {
    await program(io, outcome).parseAsync(args, { from: "user" });
    return outcome.status;
  } catch (error) {
    // Commander has printed its own message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof DOMException && error.name === "AbortError") return 130; // what shells give for Ctrl+C
    io.err(`${describe(error)}\n`);
    return 1;
  }
}

/** Errors made for the user are their message; anything else is a fault of ours, and its stack finds it. */
function describe(error: unknown): string {
  if (error instanceof ThawError) return error.message;
  return `thaw: an error inside Thaw; please report it.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** @param outcome commands that print what they found may still end with another status than 0. */
function program(io: Io, outcome: { status: number }): Command {
  const thaw = new Command("thaw")
    .description("Transfer learning on WebGPU: freeze a pretrained network, train a new head, thaw it and fine-tune.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError("(thaw --help, or thaw COMMAND --help, tells more)");

  thaw
    .command("finetune")
    .description("cats and dogs from 200 images, three ways: from scratch, with a frozen base, fine-tuned")
    .option("--quick", "fewer epochs and images: does everything work here?")
    .option("--seed <n>", "for new weights and the order of images", whole(0), 1)
    .option("--epochs <n>", "for each of the three trainings (default: 6, with --quick 2)", whole(1))
    .option("--out <file>", "where the numbers go", "out/finetune.json")
    .addOption(
      new Option("--runtime <name>", "where it runs (default: node, or browser where Node has no adapter)").choices([
        "node",
        "browser",
      ]),
    )
    .action(async (options: FinetuneArguments) => {
      const { finetuneCommand } = await import("./finetune-command");
      await finetuneCommand(options, io);
    });

  thaw
    .command("plan")
    .description("what a step does for a network, what freezing leaves out, and why; needs no GPU")
    .argument("<file>", "a network: .keras, .h5, model.json, .onnx")
    .option("--batch <n>", "samples in a step", whole(1), 8)
    .option(
      "--freeze <what>",
      "all, base (all but the head, the last layer with weights), none, or the last layer to freeze",
      "none",
    )
    .option("--classes <n>", "puts a new head for so many classes in place of the last Dense layer", whole(1))
    .option("--samples <n>", "plans for a data set of so many images, with cached features where possible", whole(1))
    .addOption(
      new Option("--mode <mode>", "which kind of step").choices(["train", "evaluate", "predict"]).default("train"),
    )
    .addOption(new Option("--adapter <kind>", "which kernels to choose").choices(Object.keys(adapters)).default("gpu"))
    .option("--optimizer <name>", "sgd, rmsprop, adam, adamW", "adam")
    .option("--loss <name>", "default: what the last activation asks for")
    .option("--json", "for programs")
    .action(async (file: string, options: PlanArguments) => await planCommand(file, options, io));

  thaw
    .command("inspect")
    .description("format, layers, weights and preprocessing of a network, and where it can be frozen; needs no GPU")
    .argument("<file>", "a network: a file, or a URL")
    .option("--all", "all places where it can be frozen, not only the ends of blocks")
    .option("--json", "for programs, with all places")
    .action(async (file: string, options: InspectArguments) => {
      const { inspectCommand } = await import("./inspect-command");
      outcome.status = await inspectCommand(file, options, io);
    });

  thaw
    .command("convert")
    .description("a network into another format, known by the ending of OUT; needs no GPU")
    .argument("<in>", "a network: a file, or a URL")
    .argument("<out>", ".keras, .h5, .weights.h5, .onnx, .safetensors, or model.json for TF.js; a folder with --format")
    .addOption(
      new Option("--format <name>", "what to write where the ending of OUT does not say it").choices([
        "keras",
        "weights.h5",
        "h5",
        "onnx",
        "tfjs",
        "safetensors",
      ]),
    )
    .addOption(
      new Option("--onnx-layout <layout>", "how images go in and come out (default: NCHW)").choices(["NCHW", "NHWC"]),
    )
    .option("--fold-batch-normalization", "for ONNX: takes batch normalizations into the weights before them")
    .addOption(
      new Option(
        "--preprocessing [name]",
        "puts the preprocessing in front, so that the network takes pixels; the name where the file does not tell it",
      ).choices(["tf", "torch", "caffe", "none"]),
    )
    .option("--input-shape <sizes>", "a sample's, e.g. 224,224,3, for networks without fixed sizes", sizes)
    .option("--allow-non-finite", "writes weights that are NaN or infinite too")
    .option("--force", "overwrites files that are there")
    .option("--json", "for programs")
    .action(async (from: string, to: string, options: ConvertArguments) => {
      const { convertCommand } = await import("./convert-command");
      await convertCommand(from, to, options, io);
    });

  thaw
    .command("summary")
    .description("layers, output shapes and weights of a network, as Keras prints them")
    .argument("<file>", "a network: .keras, .h5, model.json, .onnx")
    .option("--expand-nested", "list the layers of nested models too")
    .action(async (file: string, options: { expandNested?: boolean }) => {
      const { summaryCommand } = await import("./summary-command");
      await summaryCommand(file, options, io);
    });

  thaw
    .command("tune")
    .description("times the kernels of a network's step on this adapter; later runs use the fastest")
    .argument("<file>", "a network: .keras, .h5, model.json, .onnx")
    .option("--batch <n>", "samples in a step", whole(1), 8)
    .option("--freeze <what>", "as in plan", "none")
    .addOption(
      new Option("--mode <mode>", "which kind of step").choices(["train", "evaluate", "predict"]).default("train"),
    )
    .option("--budget <seconds>", "stop after so long (default: when every kernel had its turn)", whole(1))
    .option("--json", "for programs; with the table of all answers, which requestGpu({ tuning: { table } }) takes")
    .action(async (file: string, options: TuneArguments) => {
      const { tuneCommand } = await import("./tune-command");
      await tuneCommand(file, options, io);
    });

  thaw
    .command("info")
    .description("the WebGPU adapter, its features and limits")
    .option("--json", "for programs")
    .action(async (options: { json?: boolean }) => {
      const { infoCommand } = await import("./info-command");
      await infoCommand(options, io);
    });
  return thaw;
}
