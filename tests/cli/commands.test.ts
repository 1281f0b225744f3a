import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { CommandError, EXIT } from "../../src/cli/exit.js";
import { explain } from "../../src/cli/program.js";
import { InternalError } from "../../src/support/assert.js";
import { seqc } from "./as-process.js";
import { inProcess } from "./in-process.js";

const CHAR_LM = fileURLToPath(new URL("../../specs/models/char-lm.seq", import.meta.url));
const CELL = fileURLToPath(new URL("../../specs/cells/lstm.seq", import.meta.url));

let folder: string;
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-cli-"));
});

const MODEL =
  "model Two(N = 3) {\n  input x: [N]\n  param W: [2, N] ~ normal(0, 1)\n  output y = W @ x\n  loss sum(y)\n}\n";

describe("usage", () => {
  it.each<[string, string[], RegExp]>([
    ["no command", [], /Usage: seqc/],
    ["an unknown command", ["complie"], /Did you mean compile/],
    ["an unknown option", ["check", "--fast", "x.seq"], /unknown option '--fast'/],
    ["a file that is not there", ["check", "no-such.seq"], /cannot read no-such\.seq: there is no such file/],
    ["no folder to write to", ["compile", "x.seq"], /required option '-o, --out/],
    ["an unknown precision", ["compile", "x.seq", "-o", "o", "--precision=f8"], /Allowed choices are f32, f16/],
    ["a size that is no whole number", ["compile", "x.seq", "-o", "o", "--set", "H=1.5"], /--set H wants a whole/],
    ["a number of steps that is none", ["train", "x.seq", "--text", "t", "--steps", "many"], /--steps wants a whole/],
    ["an unknown code", ["explain-error", "SEQ0000"], /there is no code SEQ0000/],
  ])("%s ends with 2 and says so", async (_, args, message) => {
    const { code, out, err } = await inProcess(args);
    expect([code, out]).toEqual([EXIT.usage, ""]);
    expect(err).toMatch(message);
  });

  it("the process ends with the same code", async () => {
    const args = ["check", "no-such.seq"];
    expect(await seqc(args)).toEqual(await inProcess(args));
  });

  it.each<[string, string[], RegExp]>([
    ["the version", ["--version"], /^\d+\.\d+\.\d+\n$/],
    ["help", ["train", "--help"], /^Usage: seqc train/],
    ["the page of a code", ["explain-error", "seq1001"], /^SEQ1001: .+\n\n.+/],
  ])("%s goes to the standard output and ends with 0", async (_, args, message) => {
    const { code, out, err } = await inProcess(args);
    expect([code, err]).toEqual([EXIT.ok, ""]);
    expect(out).toMatch(message);
  });
});

describe("faults", () => {
  it.each<[unknown, number, RegExp]>([
    [
      new InternalError("fuse-epilogue", "value 7 has no home"),
      EXIT.internal,
      /SEQ9001.*fault of seqc.*fuse-epilogue: value 7/,
    ],
    [new TypeError("x is not a function"), EXIT.internal, /fault of seqc.*x is not a function/],
    ["a string", EXIT.internal, /fault of seqc.*a string/],
    [new CommandError("cannot read it"), EXIT.usage, /seqc: cannot read it/],
    [new CommandError("diverged", EXIT.failed), EXIT.failed, /seqc: diverged/],
  ])("%s", (error, code, message) => {
    const shown = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(explain(error, false)).toBe(code);
    expect(shown.mock.calls.flat().join("\n")).toMatch(message);
    expect(shown.mock.calls.flat().join("\n")).not.toMatch(/commands\.test/);
    vi.restoreAllMocks();
  });

  it("show their stack when asked", () => {
    const shown = vi.spyOn(console, "error").mockImplementation(() => {});
    explain(new InternalError("fuse-epilogue", "value 7 has no home"), true);
    expect(shown.mock.calls.flat().join("\n")).toMatch(/commands\.test/);
    vi.restoreAllMocks();
  });
});

describe("seqc check", () => {
  it("says nothing of sound specs, for tools an empty list", async () => {
    const text = await inProcess(["check", CHAR_LM, CELL]);
    const json = await inProcess(["check", CHAR_LM, "--error-format=json"]);
    expect(text).toEqual({ code: EXIT.ok, out: "", err: "" });
    expect([json.code, JSON.parse(json.out), json.err]).toEqual([EXIT.ok, [], ""]);
  });

  it("shows mistakes with their code and place", async () => {
    const bad = file("bad.seq", MODEL.replace("W @ x", "W @ z"));
    const text = await inProcess(["check", bad]);
    const json = await inProcess(["check", bad, "--error-format=json"]);
    expect([text.code, text.out]).toEqual([EXIT.failed, ""]);
    expect(text.err).toMatch(/error\[SEQ2\d+\][\s\S]*bad\.seq:4:18[\s\S]*1 error\n$/);
    expect([json.code, json.err]).toEqual([EXIT.failed, ""]);
    expect(JSON.parse(json.out)).toMatchObject([
      { severity: "error", file: bad, range: { start: { line: 4, column: 18 }, end: { line: 4, column: 19 } } },
    ]);
  });
});

describe("seqc compile", () => {
  it("writes one file a model, the same each time", async () => {
    const two = file("two.seq", MODEL);
    const outs = ["a", "b"].map((name) => join(folder, name));
    const ended = await Promise.all(outs.map((out) => seqc(["compile", two, CHAR_LM, "-o", out, "--set", "N=5"])));
    expect(ended.map(({ code, err }) => [code, err])).toEqual([
      [EXIT.ok, ""],
      [EXIT.ok, ""],
    ]);
    const [first, second] = outs.map((out) =>
      readdirSync(out)
        .sort()
        .map((name) => readFileSync(join(out, name), "utf8")),
    );
    expect(readdirSync(outs[0]).sort()).toEqual(["char-lm.ts", "two.ts"]);
    expect(first).toEqual(second);
    expect(first.join("")).not.toContain(folder);
  });

  it.each(["ir", "wgsl"])("writes the %s", async (emit) => {
    const out = join(folder, emit);
    expect((await inProcess(["compile", file(`${emit}.seq`, MODEL), "-o", out, `--emit=${emit}`])).code).toBe(EXIT.ok);
    expect(readdirSync(out)).toEqual([`two.${emit}`]);
    expect(readFileSync(join(out, `two.${emit}`), "utf8").length).toBeGreaterThan(100);
  });

  it("writes a module that stores f16", async () => {
    const module = async (...precision: string[]) => {
      const out = join(folder, "precision");
      expect((await inProcess(["compile", CHAR_LM, "-o", out, ...precision])).code).toBe(EXIT.ok);
      return readFileSync(join(out, "char-lm.ts"), "utf8");
    };
    expect(await module("--precision=f16")).toMatch(/precision: "f16",.*halves: array<half>/s);
    expect(await module()).not.toMatch(/f16|half/);
  });

  it("writes a module to look into", async () => {
    const out = join(folder, "probe");
    const two = file("probed.seq", MODEL);
    expect((await inProcess(["compile", two, "-o", out, "--probe"])).code).toBe(EXIT.ok);
    const all = readFileSync(join(out, "two.ts"), "utf8");
    expect(all).toContain('Model<TwoInputs, TwoTargets, TwoOutputs, undefined, object, "y">');
    expect((await inProcess(["compile", two, CHAR_LM, "-o", out, "--probe", "rnn.f", "rnn.*c"])).code).toBe(EXIT.ok);
    expect(readFileSync(join(out, "char-lm.ts"), "utf8")).toContain('object, "rnn.f" | "rnn.c">');
  });

  it("writes a module whose training carries states", async () => {
    const out = join(folder, "stateful");
    expect((await inProcess(["compile", CHAR_LM, "-o", out, "--stateful"])).code).toBe(EXIT.ok);
    const module = readFileSync(join(out, "char-lm.ts"), "utf8");
    expect(module).toMatch(/carried: \{\s*"?length"?: ?"T"/);
    expect(module).toMatch(/interface CharLMTargets \{[^}]*readonly reset\?: Uint8Array/);
  });

  it("writes a module that can test the device, and else no trace of it", async () => {
    const [out, plain] = [join(folder, "self-test"), join(folder, "plain")];
    expect((await inProcess(["compile", CHAR_LM, "-o", out, "--self-test"])).code).toBe(EXIT.ok);
    expect((await inProcess(["compile", CHAR_LM, "-o", plain])).code).toBe(EXIT.ok);
    const [module, without] = [out, plain].map((each) => readFileSync(join(each, "char-lm.ts"), "utf8"));
    expect(without).not.toContain("selfTest");
    expect(module.replace(/^ {2}selfTest: \{\n( {4}.*\n)* {2}\},\n/m, "")).toBe(without);
    expect(module.length).toBeGreaterThan(without.length);
  });

  it("writes nothing when one of the specs has a mistake", async () => {
    const out = join(folder, "none");
    const sound = file("sound.seq", MODEL);
    const wrong = file("wrong.seq", MODEL.replace("Two", "Three").replace("[2, N]", "[2, M]"));
    const { code, err } = await inProcess(["compile", sound, wrong, "-o", out]);
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/wrong\.seq:3/);
    expect(existsSync(out)).toBe(false);
  });

  it.each<[string, (spec: string) => string[], RegExp]>([
    ["a size that no model has", (spec) => [spec, "--set", "Q=3"], /--set Q: no model has that parameter; there are N/],
    [
      "a name that no model has",
      (spec) => [spec, CHAR_LM, "--probe", "rnn.F"],
      /--probe: no model names a value `rnn.F` to probe: did you mean `rnn.f`\?/,
    ],
    ["a file without a model", (spec) => [spec, CELL], /lstm\.seq gives no model/],
    ["two models of one name", (spec) => [spec, file("twin.seq", MODEL)], /two models would be written to .*two\.ts/],
  ])("refuses %s", async (_, args, message) => {
    const out = join(folder, "refused");
    const { code, err } = await inProcess(["compile", ...args(file("good.seq", MODEL)), "-o", out]);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});

// Compiling the kernels in software takes seconds, and more on a busy machine.
