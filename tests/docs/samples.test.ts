/** @file The samples of the pages compile against the sources, and the main ones do what they say. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import ts from "typescript";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { inProcess } from "../cli/in-process.js";
import { testDevice } from "../support/device.js";
import { LINES_BEFORE, readPage } from "./samples.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Within the repository, so that modules find its packages. */
const folder = join(root, "out/samples");

/** A text to train on, of few characters. */
const book = readFileSync(join(root, "docs/language.md"), "utf8").replaceAll(/[^\n -~]/g, "");

const paths = ["README.md", ...readdirSync(join(root, "docs")).map((file) => `docs/${file}`)];
const pages = paths
  .filter((path) => path.endsWith(".md"))
  .map((path) => readPage(path, readFileSync(join(root, path), "utf8")));
/** Modules, with the place of their first line. */
const modules = pages.flatMap(({ title, preambles, samples }) => [
  ...[...preambles].map(([name, text]) => ({
    path: join(folder, title, `${name}.ts`),
    text,
    place: `${title}, ${name}`,
    runs: false,
  })),
  ...samples.map(({ name, module, place, runs }) => ({
    path: join(folder, title, `${name}.ts`),
    text: module,
    place,
    runs,
  })),
]);
const running = modules.filter(({ runs }) => runs);

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const { title, commands } of pages) {
    mkdirSync(join(folder, title), { recursive: true });
    for (const { args, above } of commands) {
      const spec = join(folder, title, "above.seq");
      writeFileSync(spec, above);
      const paths = args.map((arg) => (arg === "above" ? spec : arg));
      const { code, err } = await inProcess([...paths, "--out", join(folder, title, "generated")]);
      if (code !== 0) throw new Error(`seqc ${args.join(" ")}: ${err}`);
    }
  }
  for (const { path, text } of modules) writeFileSync(path, text);
});

function complaints(): readonly string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(
    modules.map(({ path }) => path),
    {
      ...options,
      exactOptionalPropertyTypes: true,
      noUnusedLocals: false,
      paths: {
        seqc: [join(root, "src/index.ts")],
        "seqc/data": [join(root, "runtime/data/index.ts")],
        "seqc/runtime": [join(root, "runtime/index.ts")],
        "seqc/runtime/node": [join(root, "runtime/node.ts")],
      },
    },
  );
  return modules.flatMap(({ path, place }) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((found) => {
      const { line } = ts.getLineAndCharacterOfPosition(file!, found.start ?? 0);
      return `${place} + ${line - LINES_BEFORE}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n")}`;
    });
  });
}

it("the pages have samples, and some of them run", () => {
  expect(pages.flatMap(({ samples }) => samples).length).toBeGreaterThan(20);
  expect(running.length).toBeGreaterThan(10);
});

it("all of them compile", () => {
  expect(complaints()).toEqual([]);
});

describe("runs", () => {
  it.each(running)("$place", async ({ path }) => {
    const { run }: { run: (device: GPUDevice) => Promise<void> } = await import(relative(import.meta.dirname, path));
    const away = mkdtempSync(join(tmpdir(), "seqc-sample-"));
    const home = process.cwd();
    writeFileSync(join(away, "book.txt"), book);
    process.chdir(away);
    const said: unknown[] = [];
    const spy = vi.spyOn(console, "log").mockImplementation((...values) => said.push(...values));
    try {
      await run(await testDevice());
    } finally {
      spy.mockRestore();
      process.chdir(home);
      rmSync(away, { recursive: true, force: true });
    }
    expect(inspect(said, { depth: null, maxArrayLength: null })).not.toMatch(/\b(NaN|undefined|false)\b/);
  });
});
