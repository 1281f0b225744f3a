import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeSafetensors } from "../../runtime/safetensors.js";
import { EXIT } from "../../src/cli/exit.js";
import { type MetricsLine, readMetrics } from "../../src/cli/run/metrics.js";
import { seqc } from "./as-process.js";
import { inProcess } from "./in-process.js";

const model = (name: string) => fileURLToPath(new URL(`../../specs/models/${name}.seq`, import.meta.url));
const CHAR_LM = model("char-lm");

/** Reads ids and tells the next from the last alone: little to compile. */
const BIGRAM = `import { Table } from "./table.seq"
model Bigram(V = 4) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use table = Table(V)
  logits = table(tokens)
  output logits
  loss cross_entropy(logits, next)
}
`;
const TABLE = `layer Table(V) {
  input token: id(V)
  param W: [V, V] ~ normal(0, 1)
  output y = W[token]
}
`;

let folder: string;
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const book = () => file("book.txt", "the quick brown fox jumps over the lazy dog\n".repeat(20));
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const stepLines = (lines: MetricsLine[]) => lines.filter(({ kind }) => kind === "step");
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-train-"));
});

describe("seqc train on a text", { timeout: 60_000 }, () => {
  const small = ["--set", "E=5", "--set", "H=6", "--batch", "3", "--length", "8", "--sample", "12"];

  it("leaves a folder with everything about the run", async () => {
    const out = join(folder, "trained");
    const args = ["train", CHAR_LM, "--text", book(), ...small, "--steps", "6", "--out", out];
    const { code, out: shown, err } = await seqc(args);
    expect([code, err]).toEqual([EXIT.ok, expect.stringMatching(/step 6\/6 {2}loss \d.*steps\/s/)]);
    expect(shown).toMatch(/^adapter/);
    expect(readdirSync(out).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "parameters.safetensors",
      "report.html",
      "samples.txt",
      "spec",
      "summary.json",
      "vocabulary.json",
    ]);
    expect(readJson(out, "vocabulary.json")).toEqual([..."\n abcdefghijklmnopqrstuvwxyz"]);
    expect(readJson(out, "summary.json")).toMatchObject({
      adapter: expect.stringMatching(/./),
      steps: 6,
      ended: "finished",
      precision: "f32",
      skippedSteps: 0,
      arenaBytes: expect.any(Number),
      trainLoss: expect.closeTo(Math.log(28), 0),
      validationLoss: expect.closeTo(Math.log(28), 0),
      unigramEntropy: expect.closeTo(3.1, 0),
      parameters: 28 * 5 + 24 * (5 + 6 + 2) + 28 * 7,
      dispatchesPerStep: expect.any(Number),
      medianStepMs: expect.any(Number),
    });
    const { tensors } = decodeSafetensors(readFileSync(join(out, "parameters.safetensors")));
    expect(tensors.get("embed.W")?.shape).toEqual([28, 5]);
    expect([...readFileSync(join(out, "samples.txt"), "utf8")].length).toBe(12);
    expect(readFileSync(join(out, "spec", "char-lm.seq"), "utf8")).toBe(readFileSync(CHAR_LM, "utf8"));
    expect(readdirSync(join(out, "checkpoints"))).toEqual(["checkpoint-1.safetensors"]);
    const lines = readMetrics(join(out, "metrics.jsonl"));
    expect(lines.filter(({ kind }) => kind === "step").map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(lines.filter(({ kind }) => kind === "validation").map(({ step }) => step)).toEqual([2, 4, 6]);
    expect(stepLines(lines).at(-1)).toMatchObject({ tokens: 6 * 3 * 8, epoch: 1, skipped: false });

    const again = join(folder, "trained again");
    expect((await inProcess(["train", "--config", join(out, "config.json"), "--out", again])).code).toBe(EXIT.ok);
    const bytes = (run: string) => readFileSync(join(run, "parameters.safetensors"));
    expect(bytes(again).equals(bytes(out))).toBe(true);
  });

  it("copies a spec with all of its own files, and begins no run over one that was cut short", async () => {
    mkdirSync(join(folder, "models"), { recursive: true });
    const spec = file("models/bigram.seq", BIGRAM);
    file("models/table.seq", TABLE);
    const out = join(folder, "copied");
    const args = ["train", spec, "--text", book(), "--batch", "3", "--length", "8", "--steps", "2", "--sample", "0"];
    expect(await inProcess([...args, "--out", out])).toMatchObject({ code: EXIT.ok });
    expect(readdirSync(join(out, "spec")).sort()).toEqual(["bigram.seq", "table.seq"]);
    expect(readJson(out, "config.json").spec).toBe("spec/bigram.seq");

    writeFileSync(join(folder, "config.json"), "{}");
    const { code, err } = await inProcess([...args, "--out", folder]);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(/holds a run that was cut short.*--resume/)]);
  });

  it("stops at Ctrl-C and still writes", async () => {
    const out = join(folder, "stopped");
    let killed = false;
    const args = ["train", CHAR_LM, "--text", book(), ...small, "--steps", "4000", "--out", out, "--seed", "3"];
    const { code } = await seqc(args, (err, child) => {
      if (killed || !err.includes("step  200/")) return;
      killed = true;
      child.kill("SIGINT");
    });
    expect(code).toBe(EXIT.ok);
    const summary = readJson(out, "summary.json");
    expect(summary).toMatchObject({ interrupted: true, validationLoss: expect.any(Number) });
    expect(summary.steps).toBeLessThan(4000);
    expect(existsSync(join(out, "report.html"))).toBe(true);
  });

  it("says what to do about numbers that are not finite, and leaves a report", async () => {
    const out = join(folder, "diverged");
    const args = [
      "train",
      CHAR_LM,
      "--text",
      book(),
      ...small,
      "--lr",
      "1e30",
      "--schedule",
      "constant",
      "--steps",
      "30",
    ];
    const { code, err } = await inProcess([...args, "--clip", "0", "--out", out]);
    expect([code, err]).toEqual([
      EXIT.failed,
      expect.stringMatching(/of step \d+ is not finite: lower --lr \(now 1e\+30\)/),
    ]);
    expect(readFileSync(join(out, "report.html"), "utf8")).toMatch(/not finite/);
  });

  it("ends early with the best parameters", async () => {
    const out = join(folder, "early");
    const text = file("noise.txt", Array.from({ length: 900 }, (_, i) => "abcd"[(i * i * 7 + (i >> 3)) % 4]).join(""));
    const size = ["--set", "E=4", "--set", "H=24", "--batch", "8", "--length", "16", "--sample", "0", "--lr", "0.1"];
    const stops = ["--steps", "400", "--validate-every", "5", "--early-stop", "3", "--schedule", "constant"];
    expect((await inProcess(["train", CHAR_LM, "--text", text, ...size, ...stops, "--out", out])).code).toBe(EXIT.ok);
    const summary = readJson(out, "summary.json");
    const validations = readMetrics(join(out, "metrics.jsonl")).filter(({ kind }) => kind === "validation");
    const least = validations.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(summary).toMatchObject({ ended: "early", steps: least.step + 15, validationLoss: least.loss });
    expect(summary.best).toEqual({ step: least.step, value: least.loss });
    const evaluated = await inProcess(["eval", out, "--json"]);
    expect(JSON.parse(evaluated.out).loss).toBeCloseTo(least.loss, 6);
  });

  it("refuses epochs of windows at random places", async () => {
    const { code, err } = await inProcess([
      "train",
      CHAR_LM,
      "--text",
      book(),
      "--epochs",
      "2",
      "--out",
      join(folder, "no"),
    ]);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(/has no end, and so no epochs: give --steps/)]);
  });

  it("reads bytes, whatever they are", async () => {
    const out = join(folder, "bytes");
    const bytes = join(folder, "bytes.bin");
    writeFileSync(
      bytes,
      Uint8Array.from({ length: 600 }, (_, at) => (at * 37) % 256),
    );
    const args = [
      "train",
      CHAR_LM,
      "--bytes",
      bytes,
      ...small,
      "--set",
      "V=256",
      "--steps",
      "2",
      "--optimizer",
      "muon",
    ];
    const { code, out: shown } = await inProcess([...args, "--out", out]);
    expect([code, shown]).toEqual([EXIT.ok, expect.stringMatching(/text +600 bytes/)]);
    // Every byte is as frequent as any other, but for a few.
    expect(readJson(out, "summary.json").unigramEntropy).toBeCloseTo(Math.log(256), 1);
    expect((await inProcess(["sample", out, "--prompt", "é", "--length", "3"])).out).toMatch(/^é/);
  });

  it("carries states through a text that is read from start to end", async () => {
    const out = join(folder, "stateful");
    const args = ["train", CHAR_LM, "--text", book(), ...small, "--stateful", "--epochs", "1", "--out", out];
    expect(await inProcess(args)).toMatchObject({ code: EXIT.ok });
    // 880 characters and a tenth held out: 264 places a row, 33 windows of 8 but for the last target.
    const { steps, validationLoss } = readJson(out, "summary.json");
    expect(steps).toBe(Math.floor(Math.floor((792 - 1) / 3) / 8));
    const { out: evaluated } = await inProcess(["eval", out, "--json"]);
    expect(JSON.parse(evaluated).loss).toBe(validationLoss);
  });

  it.each<[string, () => string[], RegExp]>([
    ["a text that is too short", () => [CHAR_LM, "--text", file("short.txt", "too short")], /the text is too short/],
    ["a text that is not there", () => [CHAR_LM, "--text", join(folder, "gone.txt")], /cannot read .*gone\.txt/],
    ["a model of another shape", () => [model("adding"), "--text", book()], /cannot be trained on a text/],
    ["a size that the text fixes", () => [CHAR_LM, "--text", book(), "--set", "V=9"], /--set V/],
    ["nothing to train on", () => [CHAR_LM], /one of --text, --bytes, --data and --task/],
    ["two sources", () => [CHAR_LM, "--text", book(), "--bytes", book()], /--text and --bytes are given/],
    ["a task's option", () => [model("adding"), "--task", "adding", "size=4"], /unknown option `adding\.size`/],
    ["a task of another model", () => [CHAR_LM, "--task", "adding"], /the task adding: .*`tokens` is missing/],
    ["a window of a task", () => [model("adding"), "--task", "adding", "--length", "4"], /--task adding length=20/],
    ["an optimizer's option", () => [CHAR_LM, "--text", book(), "--optimizer", "sgdd"], /--optimizer/],
    ["a folder that is no run", () => ["--resume", tmpdir()], /is no folder of a run: it has no config\.json/],
  ])("refuses %s", async (_, args, message) => {
    const { code, err } = await inProcess(["train", ...args(), "--steps", "2", "--out", join(folder, "refused")]);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });
});

describe("seqc train on other data", { timeout: 60_000 }, () => {
  it("learns to add", async () => {
    const out = join(folder, "adding");
    const args = ["train", model("adding"), "--task", "adding", "length=8", "--set", "H=24", "--batch", "32"];
    const { code, out: shown } = await inProcess([...args, "--steps", "300", "--lr", "0.03", "--out", out]);
    expect([code, shown]).toEqual([EXIT.ok, expect.stringMatching(/baseline +0\.167/)]);
    // The best answer that ignores the numbers is off by 1/6.
    expect(readJson(out, "summary.json").validationLoss).toBeLessThan(1 / 18);
  });

  it("reads arrays by the names of the ports, an epoch after the other", async () => {
    const out = join(folder, "arrays");
    const rows = Array.from({ length: 40 }, (_, i) => [i / 40, 1, 0.5, i % 2, 0.25, 1, i / 40 + 0.25].join(","));
    const data = file("sums.csv", ["x[0][0],x[0][1],x[1][0],x[1][1],x[2][0],x[2][1],total[0]", ...rows].join("\n"));
    const args = ["train", model("adding"), "--data", data, "--set", "H=4", "--batch", "8", "--epochs", "3"];
    expect(await inProcess([...args, "--out", out])).toMatchObject({ code: EXIT.ok });
    const steps = stepLines(readMetrics(join(out, "metrics.jsonl")));
    expect(steps.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  });
});

describe("options of a file", { timeout: 60_000 }, () => {
  it.each<[string, unknown, RegExp]>([
    ["an unknown key", { stepz: 3 }, /options\.json: unknown option `config\.stepz`/],
    ["an unknown key within", { sample: { topk: 3 } }, /options\.json: unknown option `sample\.topk`/],
    ["a bad number", { batch: "many" }, /options\.json: `batch` must be a whole number of at least 1, not many/],
    ["a bad optimizer", { optimizer: { type: "adam", beta1: 2 } }, /`optimizer\.beta1` must be at least 0 and below 1/],
    ["a bad schedule", { schedule: "circle" }, /`schedule` must be "constant"/],
    ["a bad part", { validation: 1.5 }, /`validation` must be files or a part below 1, not 1\.5/],
    ["a list that is none", { text: "book.txt" }, /`text` must be a list of files/],
    ["what is no object", [1], /options\.json: `the file` must be an object/],
    ["a pattern of no parameter", { parameters: { "rnm.*": { frozen: true } } }, /rnm/],
    ["early stopping on nothing", { earlyStopping: {}, validation: 0 }, /early stopping looks at validations/],
  ])("%s is named", async (_, options, message) => {
    const config = file("options.json", JSON.stringify(options));
    const text = Array.isArray((options as { text?: unknown }).text) ? [] : ["--text", book()];
    const args = ["train", CHAR_LM, "--config", config, ...text, "--steps", "2", "--out", join(folder, "unsaid")];
    const { code, err } = await inProcess(args);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
    expect(existsSync(join(folder, "unsaid"))).toBe(false);
  });

  it("what the command line says is stronger", async () => {
    const out = join(folder, "merged");
    file("inner.txt", readFileSync(book(), "utf8"));
    const config = file(
      "merged.json",
      JSON.stringify({
        spec: CHAR_LM,
        text: ["inner.txt"],
        set: { E: 3, H: 5 },
        batch: 2,
        steps: 9,
        sample: { characters: 0 },
      }),
    );
    const args = ["train", "--config", config, "--set", "H=4", "--steps", "2", "--optimizer", "lion", "--out", out];
    expect(await inProcess(args)).toMatchObject({ code: EXIT.ok });
    expect(readJson(out, "config.json")).toMatchObject({
      set: { E: 3, H: 4 },
      batch: 2,
      steps: 2,
      optimizer: { type: "lion", learningRate: { type: "cosine", peak: 1e-4 } },
      text: ["../inner.txt"],
    });
  });
});
