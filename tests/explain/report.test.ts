/** @file `seqc explain`: what it says of known loops, that it counts right, and that it speaks of what is compiled. */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import { EXIT } from "../../src/cli/exit.js";
import { reportData } from "../../src/explain/report/json.js";
import { scanLines } from "../../src/explain/report/print.js";
import { type Explained, type Report, reportOf } from "../../src/explain/report/report.js";
import { parse } from "../../src/parser/parse.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { inProcess } from "../cli/in-process.js";
import { compileText } from "../support/compiled.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "seqc-explain-"));
const at = { batch: 16, length: 32 };

/** A classifier of sequences by the last output of a cell. */
const classifier = (cell: string, file: string, sizes: string, out = "H") => `import { ${cell} } from "std/${file}"
import { Linear } from "std/linear"
model Last(I = 16, H = 64, K = 10) {
  input x: [T, I]
  target label: id(K)
  use rnn = ${cell}(${sizes}), head = Linear(${out}, K)
  hs = scan rnn(x)
  logits = head(hs[T - 1])
  output logits
  loss cross_entropy(logits, label)
}`;

const CONVOLUTION = `import { CausalConv } from "std/causal-conv"
/** Looks two steps back, as a cell that only delays. */
cell Delay(D) {
  input x: [D]
  state a: [D], b: [D]
  param w: [D] ~ ones
  a' = x
  b' = a
  output y = w * x - w * b
}
model Convolved(D = 8, K = 4) {
  input x: [T, D]
  target wanted: [T, D]
  use conv = CausalConv(D, K), delay = Delay(D)
  guess = scan delay(conv(x))
  output guess
  loss mse(guess, wanted)
}`;

const texts: Readonly<Record<string, string>> = {
  lstm: classifier("LSTM", "lstm", "I, H"),
  gru: classifier("GRU", "gru", "I, H"),
  "selective-ssm": classifier("SelectiveSSM", "selective-ssm", "I", "I"),
  lru: classifier("LRU", "lru", "I, H, 32"),
  "causal-conv": CONVOLUTION,
};

function explained(text: string, graph: Explained = "train"): Report | undefined {
  const { models } = checkProgram({ files: ["test.seq"], host: hostOf({ "test.seq": text }), parse, set: {} });
  return reportOf(present(models[0], "test", "the model"), graph, at);
}

const reportFor = (name: string, graph?: Explained) => present(explained(texts[name], graph), "test", "the report");

const plain = { heading: (text: string) => text, label: (text: string) => text, strong: (text: string) => text };

describe.each(Object.keys(texts))("%s", (name) => {
  it("has its loops explained (UPDATE=1 rewrites the text)", () => {
    const report = reportFor(name);
    const text = `${report.scans.map((scan) => scanLines(scan, report, plain).join("\n")).join("\n\n")}\n`;
    const golden = new URL(`./report/${name}.txt`, import.meta.url);
    if (process.env.UPDATE === "1") writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, "utf8"));
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("is explained by the program that is compiled", () => {
    const report = reportFor(name);
    const { train } = compileText(texts[name]).manifest.programs;
    const program = present(train, "test", "the program");
    expect(report.kernels.map(({ kernel }) => kernel)).toEqual(program.dispatches.map(({ kernel }) => kernel));
    expect(report.memory.buffers).toHaveLength(program.slots.length);
    expect(report.kernels.map(({ variants }) => variants.length)).toEqual(
      program.dispatches.map(({ variants = [] }) => variants.length),
    );
    for (const { comment, workgroupSize } of report.kernels) {
      expect(comment).not.toMatch(/%\d|\bv\d/);
      expect(workgroupSize).toBeGreaterThan(0);
    }
    for (const { derivative, groups, kernels } of report.scans) {
      const gone = groups.every(({ class: kind }) => kind === "delay") && !derivative;
      expect(kernels.length > 0).toBe(!gone);
    }
  });
});

it("shows of a stream the loops that a step runs, also where examples end elsewhere", () => {
  const text = readFileSync(join(root, "specs/models/seq2seq-attention.seq"), "utf8");
  const { scans } = present(explained(text, "stream"), "test", "the report");
  expect(scans.map(({ name, derivative, kernels }) => [name, derivative, kernels.length])).toEqual([
    ["decoder", false, 1],
  ]);
});

it("says of a loop how it may be cut along time, or why it goes step by step", () => {
  const spanned = (report: Report) =>
    report.scans.map(({ kernels: [{ name, variants }] }) =>
      variants
        .filter((text) => text.startsWith("in spans of T side by side: "))
        .map((text) => text.replaceAll(name, "k")),
    );
  expect(spanned(reportFor("lru"))).toEqual([
    ["in spans of T side by side: k_summary + k_carry + k_spans"],
    ["in spans of T side by side: k_summary + k_carry + k_spans + k_sums"],
  ]);
  const leaves = classifier("IndRNN", "indrnn", "I, H").replaceAll("H = 64", "H = 8");
  const report = present(explained(leaves), "test", "the report");
  expect(report.scans[0].kernels[0].comment).toMatch(/; step by step, since rnn\.h is not linear$/);
  expect(spanned(report).map(({ length }) => length)).toEqual([0, 1]);
});

it("takes nothing for an adjoint by its name", () => {
  const text = `cell Fades(D) {
    input x: [D]
    context d_rate: [D]
    state delta: [D]
    delta' = d_rate * delta + x
    output delta'
  }
  model M(D = 4) {
    input x: [T, D], d_rate: [D]
    use fades = Fades(D)
    output y = scan fades(x, d_rate)
  }`;
  const [{ groups }] = present(explained(text, "predict"), "test", "the report").scans;
  expect(groups[0].equations).toEqual(["delta' = a * delta + b", "a = d_rate"]);
});

describe("the counts", () => {
  const [I, H, K] = [16, 64, 10];
  const parameters = 4 * H * (I + H + 2) + K * H + K;

  it("are those of an LSTM, worked out by hand", () => {
    const { costs } = reportFor("lstm");
    // Forwards the two products of all gates; backwards a product for each weight and one for the state.
    const loop = 2 * 4 * H * (I + H) + 2 * 4 * H * (I + H + H);
    expect(Object.fromEntries(costs.productFlops)).toEqual({ "_B T": loop, _B: 3 * 2 * H * K });
    expect(Object.fromEntries(costs.leastBytes)).toEqual({ "_B T": 4 * I, _B: 4, "": 4 * (2 * parameters + 1) });
    expect(Object.fromEntries(costs.updateBytes)).toEqual({ "": 32 * parameters });
  });

  it("are consistent for every model", () => {
    for (const name of Object.keys(texts)) {
      const { costs, memory } = reportData(reportFor(name));
      expect(costs.flops.value).toBeGreaterThanOrEqual(costs.productFlops.value);
      expect(costs.bytes.value).toBeGreaterThan(costs.leastBytes.value);
      expect(memory.arenaBytes).toBeGreaterThanOrEqual(memory.peak.value);
      for (const { bytes } of memory.buffers) expect(bytes.value).toBeLessThanOrEqual(memory.peak.value);
    }
  });
});

it("explains predictions and streams", () => {
  const classes = (graph: Explained) => reportFor("lru", graph).scans.map(({ groups }) => groups[0].class);
  expect(classes("predict")).toEqual(["linear-block"]);
  expect(classes("stream")).toEqual(["linear-block"]);
  expect(explained(texts.lru.replace(/\n {2}loss.*/, "").replace(/\n {2}target.*/, ""))).toBeUndefined();
});

/** A comment with the command, or with the name of a text beside this test, and the fenced block behind it. */
const BLOCK = /(?<head><!-- (?:seqc explain (?<command>[^>]+?)|report (?<name>\S+)) -->)\n```text\n[\s\S]*?```\n/g;

describe("seqc explain", () => {
  const explain = (...args: readonly string[]) => inProcess(["explain", ...args]);

  function spec(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  it("gives tools fields that keep their names", async () => {
    const file = spec("ssm.seq", texts["selective-ssm"]);
    const { code, out } = await explain(file, "--json", "--batch", "4", "--length", "100", "--set", "I=8");
    expect(code).toBe(EXIT.ok);
    const [report] = JSON.parse(out);
    const fields = (value: object) => Object.keys(value);
    expect(fields(report)).toEqual("format model graph batch lengths scans kernels costs memory".split(" "));
    expect(report).toMatchObject({ format: 1, model: "Last", graph: "train", batch: 4, lengths: { T: 100 } });
    expect(fields(report.scans[0])).toEqual(
      "name over reverse derivative groups sums before behind stored recomputed kernels".split(" "),
    );
    expect(fields(report.scans[0].groups[0])).toEqual("states class why equations shapes".split(" "));
    expect(report.scans[0].groups[0].class).toBe("linear-diagonal");
    expect(fields(report.kernels[0])).toEqual(
      "name kernel kind comment workgroupSize barriers shared variants".split(" "),
    );
    expect(fields(report.costs)).toEqual("flops productFlops bytes leastBytes updateBytes".split(" "));
    expect(fields(report.memory)).toEqual("arenaBytes peakAt peak buffers".split(" "));
    expect(fields(report.memory.buffers[0])).toEqual("name bytes from to".split(" "));
    expect(fields(report.costs.flops)).toEqual(["formula", "value"]);
    const names = report.kernels.map(({ name }: { name: string }) => name);
    for (const { kernels } of report.scans) for (const kernel of kernels) expect(names).toContain(kernel);
  });

  it("is what docs/explain.md shows (UPDATE=1 rewrites it)", async () => {
    const page = join(root, "docs/explain.md");
    const before = readFileSync(page, "utf8");
    let after = before;
    const blocks = [...before.matchAll(BLOCK)];
    expect(blocks).toHaveLength(4);
    for (const { 0: block, groups = {} } of blocks) {
      const golden = () => readFileSync(new URL(`./report/${groups.name}.txt`, import.meta.url), "utf8");
      const printed = async () => {
        const [file, ...options] = groups.command.split(" ");
        return (await explain(join(root, file), ...options)).out;
      };
      const text = groups.name === undefined ? await printed() : golden();
      after = after.replace(block, () => `${groups.head}\n\`\`\`text\n${text}\`\`\`\n`);
    }
    if (process.env.UPDATE === "1") writeFileSync(page, after);
    else expect(before).toBe(after);
  });

  it("keeps to 100 columns", async () => {
    const { code, out } = await explain(spec("lstm.seq", texts.lstm));
    expect(code).toBe(EXIT.ok);
    for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(100);
  });

  it.each<[string, () => readonly string[], number, RegExp]>([
    ["a mistake", () => [spec("wrong.seq", "cell A(H) {\n  state h: [H]\n  h' = k\n}\n")], EXIT.failed, /SEQ2001/],
    ["no model", () => [join(root, "specs/cells/gru.seq")], EXIT.usage, /has no model/],
    [
      "a model that does not stream",
      () => [join(root, "specs/models/bidirectional-tagger.seq"), "--graph=stream"],
      EXIT.usage,
      /has no graph/,
    ],
    ["an unknown graph", () => [join(root, "specs/models/char-lm.seq"), "--graph=start"], EXIT.usage, /start/],
  ])("ends on %s with its own exit code", async (_, args, code, message) => {
    const ended = await explain(...args());
    expect(ended.out).toBe("");
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
  });
});
