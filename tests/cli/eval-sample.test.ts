import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { unigramEntropy, Vocabulary } from "../../runtime/data/index.js";
import { EXIT } from "../../src/cli/exit.js";
import { inProcess } from "./in-process.js";

const SPEC = `import { Embedding } from "std/embedding"

model Table(V = 4) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use table = Embedding(V, V)
  logits = table(tokens)
  output logits
  loss cross_entropy(logits, next)
  metric accuracy(logits, next)
}
`;
/** Whoever knows a character knows the next, but behind the end of a line. */
const LINE = "abcdefgh\n";

let folder: string;
let out: string;
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const evaluated = async (args: readonly string[]) => {
  const { code, out, err } = await inProcess(["eval", ...args, "--json"]);
  expect([code, err]).toEqual([EXIT.ok, ""]);
  return JSON.parse(out) as { loss: number; metrics: Record<string, number> };
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "seqc-eval-"));
  out = join(folder, "run");
  const text = file("lines.txt", LINE.repeat(60));
  const sizes = ["--batch", "8", "--length", "9", "--steps", "80", "--lr", "0.5", "--weight-decay", "0", "--clip", "0"];
  const { code } = await inProcess(["train", file("table.seq", SPEC), "--text", text, ...sizes, "--out", out]);
  expect(code).toBe(EXIT.ok);
}, 60_000);

describe("seqc eval", { timeout: 30_000 }, () => {
  it("gives the run's own last validation again", async () => {
    const { validationLoss, validationMetrics } = JSON.parse(readFileSync(join(out, "summary.json"), "utf8"));
    const { loss, metrics } = await evaluated([out]);
    expect([loss, metrics.accuracy]).toEqual([validationLoss, validationMetrics.accuracy]);
    expect(loss).toBeLessThan(0.1);
    const shown = await inProcess(["eval", out]);
    expect(shown.out).toMatch(/data +what the run held out\nloss +0\.0\d+\naccuracy +1\.0000/);
  });

  it("reads other texts by the run's own characters", async () => {
    const same = await evaluated([out, "--text", file("same.txt", LINE.repeat(9))]);
    expect(same.metrics.accuracy).toBe(1);
    const turned = await evaluated([out, "--text", file("turned.txt", "hgfedcba\n".repeat(9))]);
    expect(turned.loss).toBeGreaterThan(3);
    const { code, err } = await inProcess(["eval", out, "--text", file("other.txt", "xyz".repeat(30))]);
    expect([code, err]).toEqual([
      EXIT.usage,
      expect.stringMatching(/other\.txt: the character "x" is not in the vocab/),
    ]);
  });

  it("takes a spec with weights and the vocabulary beside them", async () => {
    const spec = join(folder, "table.seq");
    const weights = join(out, "parameters.safetensors");
    // Its characters alone would make another, smaller vocabulary.
    const text = file("some.txt", "abcdefgh".repeat(9));
    const { loss } = await evaluated([spec, "--weights", weights, "--text", text, "--batch", "4", "--length", "8"]);
    // h is followed by the end of a line, and here by a.
    expect(loss).toBeGreaterThan(0.5);
    mkdirSync(join(folder, "bare"), { recursive: true });
    copyFileSync(weights, join(folder, "bare", "w.safetensors"));
    const bare = ["eval", spec, "--weights", join(folder, "bare", "w.safetensors"), "--text", text, "--length", "8"];
    expect((await inProcess(bare)).err).toMatch(/w\.safetensors: .*does not fit|w\.safetensors: .*spec/);
  });

  it.each<[string, () => string[], RegExp]>([
    [
      "a spec without weights",
      () => [join(folder, "table.seq"), "--text", join(folder, "lines.txt")],
      /give --weights/,
    ],
    ["weights that are not there", () => [out, "--weights", "gone.safetensors"], /cannot read gone\.safetensors/],
    ["weights of another kind", () => [out, "--weights", join(folder, "lines.txt")], /lines\.txt: /],
    ["sizes of a run", () => [out, "--set", "H=3"], /--set is of a spec/],
  ])("refuses %s", async (_, args, message) => {
    const { code, err } = await inProcess(["eval", ...args()]);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
  });
});

describe("seqc sample", { timeout: 30_000 }, () => {
  const sampled = async (...args: string[]) => {
    const { code, out: text, err } = await inProcess(["sample", out, ...args]);
    expect([code, err]).toEqual([EXIT.ok, ""]);
    return text;
  };

  it("goes on from a prompt, with what the model has learned", async () => {
    expect(await sampled("--prompt", "cd", "--temperature", "0", "--length", "6")).toBe("cdefgh\na\n");
    expect(await sampled("--temperature", "0", "--length", "4")).toBe("abcd\n");
  });

  it("draws by its seed, and only from the likeliest where that is asked", async () => {
    const hot = ["--temperature", "50", "--length", "200", "--prompt", "a"];
    const first = await sampled(...hot, "--seed", "3");
    expect(await sampled(...hot, "--seed", "3")).toBe(first);
    expect(await sampled(...hot, "--seed", "4")).not.toBe(first);
    const codec = Vocabulary.of(LINE);
    expect(unigramEntropy(codec.encode(first))).toBeGreaterThan(0.9 * Math.log(9));
    expect(await sampled(...hot, "--top-k", "1")).toBe(`${`${LINE}`.repeat(23).slice(0, 201)}\n`);
    expect(await sampled("--top-p", "0.5", "--temperature", "1", "--prompt", "a", "--length", "8")).toBe(`${LINE}\n`);
  });

  it("writes several texts, each of the next seed", async () => {
    const hot = ["--temperature", "9", "--length", "20", "--prompt", "a"];
    const texts = await sampled(...hot, "--seed", "3", "--count", "2");
    const [third, fourth] = [await sampled(...hot, "--seed", "3"), await sampled(...hot, "--seed", "4")];
    expect(texts).toBe(`${third}\n${fourth}`);
  });

  it.each<[string, () => string[], RegExp]>([
    [
      "a prompt of unknown characters",
      () => [out, "--prompt", "xa"],
      /the prompt: the character "x" is not in the vocab/,
    ],
    ["a folder without a run", () => [tmpdir()], /is no folder of a run/],
    ["a probability above 1", () => [out, "--top-p", "1.5"], /topP/],
  ])("refuses %s", async (_, args, message) => {
    const { code, err } = await inProcess(["sample", ...args()]);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
  });
});
