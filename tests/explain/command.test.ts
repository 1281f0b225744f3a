import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit.js";
import { inProcess } from "../cli/in-process.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = join(root, "docs/derivatives.md");
const folder = mkdtempSync(join(tmpdir(), "seqc-grad-"));

const grad = (...args: readonly string[]) => inProcess(["grad", ...args]);

function spec(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A comment with the command, and the fenced block behind it. */
const BLOCK = /<!-- seqc grad (?<file>\S+)(?<options>[^>]*?) -->\n```(?<language>\w+)\n(?<text>[\s\S]*?)```\n/g;

describe("docs/derivatives.md", () => {
  it("shows what the command prints (UPDATE=1 rewrites it)", async () => {
    const before = readFileSync(page, "utf8");
    let after = before;
    const blocks = [...before.matchAll(BLOCK)];
    expect(blocks.length).toBeGreaterThanOrEqual(4);
    for (const { 0: block, groups = {} } of blocks) {
      const options = groups.options.split(" ").filter((option) => option !== "");
      const { code, out } = await grad(join(root, groups.file), ...options);
      expect(code).toBe(EXIT.ok);
      after = after.replace(block, () => block.replace(`${groups.text}\`\`\`\n`, () => `${out}\`\`\`\n`));
    }
    if (process.env.UPDATE === "1") writeFileSync(page, after);
    else expect(before).toBe(after);
  });
});

describe("seqc grad", () => {
  const MODEL = `import { GRU } from "std/gru"
    model Two(H = 5) {
      input x: [T, 3]
      target y: [H]
      use rnn = GRU(3, H)
      hs = scan rnn(x)
      last = hs[T - 1]
      output last
      loss mse(last, y)
    }`;

  it("shows the cells that a model scans, then the rest, with the sizes that are set", async () => {
    const { code, out } = await grad(spec("two.seq", MODEL), "--set", "H=37");
    expect(code).toBe(EXIT.ok);
    expect(out.match(/^\/\/ .*$/gm)?.[0]).toMatch(/^\/\/ rnn = GRU/);
    expect(out).toMatch(/\/\/ Two, around its scans\n\/\/ arriving: dloss \(1\)\n/);
    expect(out).toMatch(/given dhs, it gives d\(rnn\.W_ih\)/);
    expect(out).toMatch(/dlast = 2 \* dloss \* \(last - y\) \/ \(37 \* batch\)|dlast = .*37/);
  });

  it("prints LaTeX with balanced braces and brackets", async () => {
    const { code, out } = await grad(spec("latex.seq", MODEL), "--format=latex");
    expect(code).toBe(EXIT.ok);
    expect(out.match(/\\begin\{aligned\}/g)).toHaveLength(2);
    const count = (text: RegExp) => out.match(text)?.length ?? 0;
    expect(count(/\{/g)).toBe(count(/\}/g));
    expect(count(/\\left/g)).toBe(count(/\\right/g));
    expect(out).toContain("\\bar{W}_{hh} &= \\sum_{t}");
    expect(out).toMatch(/\\overline\{\\mathit\{last\}\}/);
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ["a mistake", [spec("wrong.seq", "cell A(H) {\n  state h: [H]\n  h' = k\n}\n")], EXIT.failed, /SEQ2001/],
    ["no file", [join(folder, "none.seq")], EXIT.usage, /there is no such file/],
    ["a size of no model", [spec("two2.seq", MODEL), "--set", "G=2"], EXIT.usage, /no model has that parameter/],
    ["an unknown format", [spec("two3.seq", MODEL), "--format=png"], EXIT.usage, /png/],
    [
      "nothing that stands alone",
      [spec("open.seq", "layer Apply(D, f) {\n  input x: [D]\n  output y = f(x)\n}\n")],
      EXIT.usage,
      /no cell, layer or model/,
    ],
    [
      "a size that no sample makes whole",
      [
        spec(
          "odd.seq",
          "layer Odd(D, N = 7) {\n  input x: [D]\n  param w: [D / N] ~ ones\n  output y = sum(w) * x\n}\n",
        ),
      ],
      EXIT.usage,
      /no cell, layer or model/,
    ],
  ])("ends on %s with its own exit code", async (_, args, code, message) => {
    const ended = await grad(...args);
    expect(ended.out).toBe("");
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
  });
});
