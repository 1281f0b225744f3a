/** @file The commands of `seqc` and their options, and how any error becomes an exit code. */

import { Command, CommanderError, Option } from "commander";
import pc from "picocolors";
import { DeviceError } from "../../runtime/errors.js";
import { PRECISIONS } from "../ir/types.js";
import { InternalError } from "../support/assert.js";
import { VERSION } from "../version.js";
import { collectSetting } from "./arguments.js";
import { checkCommand } from "./check-command.js";
import { compileCommand } from "./compile-command.js";
import { evalCommand } from "./eval-command.js";
import { CommandError, EXIT, type ExitCode } from "./exit.js";
import { explainCommand } from "./explain-command.js";
import { explainError } from "./explain-error.js";
import { fmtCommand } from "./fmt-command.js";
import { gradCommand } from "./grad-command.js";
import { ERROR_FORMATS } from "./report.js";
import { sampleCommand } from "./sample-command.js";
import { dataOptions, sampleOptions, trainOptions, whole } from "./train/options.js";
import { trainCommand } from "./train-command.js";
import { tuneCommand } from "./tune-command.js";

/** Runs `seqc` with `args` (without the executable); never throws. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = commands((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(error, args.includes("--debug") || (process.env.SEQC_DEBUG ?? "") !== "");
  }
}

function commands(end: (code: ExitCode) => void): Command {
  const program = new Command("seqc")
    .description("compiles recurrent cells and state space models to WebGPU training code")
    .version(VERSION)
    .option("--debug", "show the stack of a fault of seqc (or set SEQC_DEBUG)")
    .exitOverride()
    .showHelpAfterError("(seqc --help lists the commands)");

  const setting = () =>
    new Option("--set <name=value>", "give a size of the model, e.g. H=256 (repeatable)").argParser(collectSetting);
  const precision = () =>
    new Option("--precision <p>", "how to store what lies between kernels: f16 takes half the memory")
      .choices(PRECISIONS)
      .default("f32");
  const errorFormat = () =>
    new Option("--error-format <format>", "for people or for tools").choices(ERROR_FORMATS).default("text");

  program
    .command("check")
    .description("report the mistakes in specs")
    .argument("<files...>", ".seq files")
    .addOption(errorFormat())
    .action((files, options) => end(checkCommand(files, options)));

  program
    .command("fmt")
    .description("write specs in their canonical form")
    .argument("<files...>", ".seq files")
    .option("--check", "only name the files that are not canonical")
    .addOption(errorFormat())
    .action((files, options) => end(fmtCommand(files, options)));

  program
    .command("explain-error")
    .description("the page of a diagnostic's code")
    .argument("<code>", "e.g. SEQ3001")
    .action((code) => console.log(explainError(code)));

  program
    .command("compile")
    .description("write a TypeScript module for each model in the specs")
    .argument("<files...>", ".seq files")
    .requiredOption("-o, --out <folder>", "where the modules go")
    .addOption(setting())
    .addOption(precision())
    .option(
      "--probe [names...]",
      "add what `probe` and `gradientProfile` run: all named values, or these (rnn.f, block.*.h)",
    )
    .option("--stateful", "training can carry states from batch to batch (truncated backpropagation through time)")
    .option("--self-test", "add what `selfTest` compares the device's results with")
    .addOption(new Option("--emit <what>", "module, IR or kernels").choices(["ts", "ir", "wgsl"]).default("ts"))
    .addOption(errorFormat())
    .action((files, options) => end(compileCommand(files, options)));

  program
    .command("grad")
    .description("show the derivative of a spec as equations")
    .argument("<spec>", "a .seq file with cells, layers or models")
    .addOption(new Option("--format <format>", "text or LaTeX").choices(["seq", "latex"]).default("seq"))
    .addOption(errorFormat())
    .addOption(setting())
    .action((spec, options) => end(gradCommand(spec, options)));

  program
    .command("explain")
    .description("show what kind of recurrence each loop is, how it is run, and what a step costs")
    .argument("<spec>", "a .seq file with models")
    .addOption(new Option("--graph <graph>", "what to explain").choices(["train", "predict", "stream"]))
    .addOption(whole("--batch <n>", "examples to count with", 1).default(16))
    .addOption(whole("--length <n>", "steps to count with", 1).default(32))
    .option("--json", "for tools")
    .addOption(setting())
    .addOption(precision())
    .addOption(errorFormat())
    .action((spec, options) => end(explainCommand(spec, options)));

  program
    .command("tune")
    .description("measure on this machine which kernels are the fastest, for models created with `tune: true`")
    .argument("<spec>", "a .seq file with models")
    .addOption(whole("--batch <n>", "examples a step", 1).makeOptionMandatory())
    .addOption(whole("--length <n>", "steps of every length", 1))
    .option("--json", "for tools")
    .addOption(setting())
    .addOption(precision())
    .addOption(errorFormat())
    .action(async (spec, options) => end(await tuneCommand(spec, options)));

  trainOptions(program.command("train").description("train a model on this machine, into a folder")).action(
    async (spec, options) => end(await trainCommand(spec, options)),
  );

  dataOptions(
    program
      .command("eval")
      .description("the loss and the metrics of a trained model")
      .argument("<folder-or-spec>", "the folder of a run, or a .seq file with --weights"),
  )
    .option("--weights <file>", "a safetensors file (that of the run)")
    .addOption(setting())
    .addOption(new Option("--precision <p>", "how to store what lies between kernels").choices(PRECISIONS))
    .addOption(whole("--batch <n>", "examples at once", 1))
    .addOption(whole("--length <n>", "of a window of text", 1))
    .option("--json", "for tools")
    .addOption(errorFormat())
    .action(async (subject, options) => end(await evalCommand(subject, options)));

  const sample = program
    .command("sample")
    .description("let the model of a run write")
    .argument("<folder>", "of a run on text or bytes")
    .addOption(whole("--length <n>", "characters or bytes to write (as the run's own sample)", 1))
    .addOption(whole("--seed <n>", "of the first text", 0))
    .addOption(whole("--count <n>", "texts, each of the next seed", 1));
  sampleOptions(sample).action(async (folder, options) => end(await sampleCommand(folder, options)));

  return program;
}

/** Tells the user what happened, in one line; the exit code that goes with it. */
export function explain(error: unknown, debug: boolean): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandError || error instanceof DeviceError) {
    if (error.message !== "") console.error(`${pc.red("seqc:")} ${error.message}`);
    return error instanceof CommandError ? error.exitCode : EXIT.usage;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const where = error instanceof InternalError ? message : `outside any stage: ${message}`;
  console.error(`${pc.red("seqc:")} SEQ9001: this is a fault of seqc, not of your spec: ${where.split("\n")[0]}`);
  console.error(debug ? stack : "(--debug shows where)");
  return EXIT.internal;
}
