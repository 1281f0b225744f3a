import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../runtime/data/random.js";
import { EXIT } from "../../src/cli/exit.js";
import { readMetrics } from "../../src/cli/run/metrics.js";
import { crc32c } from "../../src/cli/run/tensorboard.js";
import { seqc } from "./as-process.js";
import { readEvents } from "./event-files.js";
import { inProcess } from "./in-process.js";

/** A recurrent cell with dropout, so that carried states and draws have to go on as well. */
const SPEC = `import { Embedding } from "std/embedding"
import { RNN } from "std/rnn"
import { Linear } from "std/linear"

model Small(V = 4, H = 8) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use embed = Embedding(V, H), rnn = RNN(H, H), head = Linear(H, V)
  logits = head(dropout(scan rnn(embed(tokens)), 0.2))
  output logits
  loss cross_entropy(logits, next)
  metric accuracy(logits, next)
}
`;
const STEPS = 420;

let folder: string;
let args: string[];
let whole: string;
const parameters = (out: string) => readFileSync(join(out, "parameters.safetensors"));
/** But for the times. */
const numbers = (out: string) =>
  readMetrics(join(out, "metrics.jsonl")).map((line) => ({ ...line, seconds: undefined }));
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const eventFiles = (out: string) =>
  readdirSync(out)
    .filter((name) => name.includes("tfevents"))
    .sort()
    .map((name) => readEvents(readFileSync(join(out, name))));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "seqc-resume-"));
  writeFileSync(join(folder, "small.seq"), SPEC);
  const random = new Random(5, "text");
  let text = "";
  while (text.length < 4000) text += random.next() < 0.7 ? "abcd" : "dcba"[random.below(4)];
  writeFileSync(join(folder, "book.txt"), text);
  const data = [
    "train",
    join(folder, "small.seq"),
    "--text",
    join(folder, "book.txt"),
    "--batch",
    "4",
    "--length",
    "8",
  ];
  args = [...data, "--steps", String(STEPS), "--checkpoint-every", "40", "--validate-every", "70", "--sample", "0"];
  args.push("--stateful", "--accumulate", "3", "--on-non-finite", "rollback", "--early-stop", "100", "--tensorboard");
  whole = join(folder, "whole");
  expect((await inProcess([...args, "--out", whole])).code).toBe(EXIT.ok);
}, 60_000);

describe("seqc train --resume", { timeout: 60_000 }, () => {
  it("goes on to the same bits, however often it is killed", async () => {
    const out = join(folder, "killed");
    const random = new Random(Date.now() % 2 ** 32, "kills");
    const ends: (number | null)[] = [];
    let next = [...args, "--out", out];
    for (let kills = 0; kills < 2; kills++) {
      const line = 20 + random.below(180);
      const wait = random.below(60);
      let armed = false;
      const { code } = await seqc(next, (err, child) => {
        const steps = Array.from(err.matchAll(/step +(\d+)\//g), ([, step]) => Number(step));
        if (armed || Math.max(0, ...steps) < line) return;
        armed = true;
        setTimeout(() => child.kill("SIGKILL"), wait);
      });
      ends.push(code);
      expect(existsSync(join(out, "config.json"))).toBe(true);
      next = ["train", "--resume", out];
    }
    expect((await inProcess(next)).code).toBe(EXIT.ok);
    expect(ends).toContain(null);
    expect(parameters(out).equals(parameters(whole))).toBe(true);
    expect(numbers(out)).toEqual(numbers(whole));
    expect(json(out, "summary.json").best).toEqual(json(whole, "summary.json").best);
  });

  it("a run that is done is left as it is", async () => {
    const out = join(folder, "done", "run");
    cpSync(whole, out, { recursive: true });
    copyFileSync(join(folder, "book.txt"), join(folder, "done", "book.txt"));
    const { code, out: shown } = await inProcess(["train", "--resume", out]);
    expect([code, shown]).toEqual([EXIT.ok, expect.stringMatching(/all 420 steps are done/)]);
    expect(numbers(out)).toEqual(numbers(whole));
    expect(parameters(out).equals(parameters(whole))).toBe(true);
  });

  it("goes on from a folder that was moved, further than was asked for at first", async () => {
    const out = join(folder, "moved", "run");
    cpSync(whole, out, { recursive: true });
    rmSync(join(folder, "small.seq"));
    copyFileSync(join(folder, "book.txt"), join(folder, "moved", "book.txt"));
    const { code, out: shown } = await inProcess(["train", "--resume", out, "--steps", String(STEPS + 20)]);
    writeFileSync(join(folder, "small.seq"), SPEC);
    expect([code, shown]).toEqual([EXIT.ok, expect.stringMatching(/resumed +after step 420 of 440/)]);
    const steps = readMetrics(join(out, "metrics.jsonl")).filter(({ kind }) => kind === "step");
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: STEPS + 20 }, (_, at) => at + 1));
    expect(numbers(out).slice(0, numbers(whole).length)).toEqual(numbers(whole));
  });

  it.each<[string, (out: string) => void, string[], RegExp]>([
    [
      "another text",
      (out) => writeFileSync(join(out, "..", "book.txt"), `${readFileSync(join(folder, "book.txt"), "utf8")}abcd`),
      [],
      /cannot go on: .*other batches: .*ids was/,
    ],
    [
      "another spec",
      (out) => writeFileSync(join(out, "spec", "small.seq"), SPEC.replace("0.2", "0.3")),
      [],
      /cannot go on: .*spec/,
    ],
    ["a checkpoint that is cut off", (out) => cut(join(out, "checkpoints")), [], /cannot go on: /],
    ["another batch", () => {}, ["--batch", "5"], /takes --steps, and not --batch/],
  ])("refuses %s", async (name, change, more, message) => {
    const out = join(folder, name, "run");
    cpSync(whole, out, { recursive: true });
    copyFileSync(join(folder, "book.txt"), join(folder, name, "book.txt"));
    change(out);
    const { code, err } = await inProcess(["train", "--resume", out, ...more]);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
    expect(parameters(out).equals(parameters(whole))).toBe(true);
  });
});

function cut(checkpoints: string): void {
  const newest = readdirSync(checkpoints)
    .filter((name) => name.startsWith("checkpoint-"))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1)!;
  const bytes = readFileSync(join(checkpoints, newest));
  writeFileSync(join(checkpoints, newest), bytes.subarray(0, bytes.length >> 1));
}

describe("event files", () => {
  it("the checksum is that of RFC 3720, appendix B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd794e);
  });

  it("have every number of the run", () => {
    const [events] = eventFiles(whole);
    expect(events[0]).toMatchObject({ version: "brain.Event:2" });
    expect(events[1]).toMatchObject({ starts: true, step: 1 });
    expect(Math.abs(events[0].wallTime - Date.now() / 1000)).toBeLessThan(600);
    const lines = readMetrics(join(whole, "metrics.jsonl"));
    expect(events.slice(2).map(({ step, scalars }) => ({ step, scalars }))).toEqual(
      lines.map((line) => {
        const group = line.kind === "step" ? "train" : "validation";
        const scalars: Record<string, number> = {
          [`${group}/loss`]: line.loss,
          [`${group}/accuracy`]: line.metrics.accuracy,
        };
        if (line.kind === "step") {
          // Steps that only add to the gradients have no norm.
          if (line.gradNorm !== null) scalars["train/grad_norm"] = line.gradNorm;
          scalars["train/learning_rate"] = line.learningRate;
        }
        const rounded = Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)]);
        return { step: line.step, scalars: Object.fromEntries(rounded) };
      }),
    );
  });

  it("a run that goes on says from which step", () => {
    const files = eventFiles(join(folder, "killed"));
    expect(files.length).toBeGreaterThan(1);
    const last = files.at(-1)!;
    expect(last[1].starts).toBe(true);
    expect([last[1].step > 1, (last[1].step - 1) % 40]).toEqual([true, 0]);
    expect(last[2].step).toBe(last[1].step);
    expect(last.at(-1)!.step).toBe(STEPS);
  });
});
