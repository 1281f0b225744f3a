import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit.js";
import { inProcess } from "./in-process.js";

const CANONICAL = "layer Double(D) {\n  input x: [D] // whole\n  output y = 2 * x\n}\n";
const LOOSE = "layer Double(D){input x:[D] // whole\r\n  output y=(2*x)}";
const BROKEN = "layer Double(D) {\n  input x [D]\n  output y=2*x\n}\n";

let folder: string;
const file = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "seqc-fmt-"));
});

describe("seqc fmt", () => {
  it("rewrites what is not canonical, names it, and leaves the rest untouched", async () => {
    const [loose, canonical] = [file("loose.seq", LOOSE), file("canonical.seq", CANONICAL)];
    chmodSync(loose, 0o640);
    const before = statSync(canonical, { bigint: true });
    expect(await inProcess(["fmt", loose, canonical, loose])).toEqual({ code: EXIT.ok, out: `${loose}\n`, err: "" });
    expect(readFileSync(loose, "utf8")).toBe(CANONICAL);
    expect(statSync(loose).mode & 0o777).toBe(0o640);
    const after = statSync(canonical, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect(readdirSync(folder).sort()).toEqual(["canonical.seq", "loose.seq"]);
    expect(await inProcess(["fmt", loose])).toEqual({ code: EXIT.ok, out: "", err: "" });
  });

  it("--check names what is not canonical, fails, and writes nothing", async () => {
    const [loose, canonical] = [file("loose.seq", LOOSE), file("canonical.seq", CANONICAL)];
    const ended = await inProcess(["fmt", "--check", loose, canonical]);
    expect(ended).toEqual({ code: EXIT.failed, out: `${loose}\n`, err: "" });
    expect(readFileSync(loose, "utf8")).toBe(LOOSE);
    expect((await inProcess(["fmt", "--check", canonical])).code).toBe(EXIT.ok);
  });

  it("reports syntax errors, leaves their file alone, and does the others", async () => {
    const [broken, loose] = [file("broken.seq", BROKEN), file("loose.seq", LOOSE)];
    const { code, out, err } = await inProcess(["fmt", broken, loose]);
    expect([code, out]).toEqual([EXIT.failed, `${loose}\n`]);
    expect(err).toMatch(/error\[SEQ1001\][\s\S]*broken\.seq:2:11[\s\S]*1 error\n$/);
    expect([readFileSync(broken, "utf8"), readFileSync(loose, "utf8")]).toEqual([BROKEN, CANONICAL]);
    const json = await inProcess(["fmt", broken, "--error-format=json"]);
    expect([json.code, JSON.parse(json.err)]).toEqual([EXIT.failed, [expect.objectContaining({ code: "SEQ1001" })]]);
  });

  it("needs no sound names or shapes", async () => {
    const wrong = file("wrong.seq", LOOSE.replace("2*x", "2*z"));
    expect((await inProcess(["fmt", wrong])).code).toBe(EXIT.ok);
    expect(readFileSync(wrong, "utf8")).toBe(CANONICAL.replace("* x", "* z"));
  });

  it("writes through a link", async () => {
    const loose = file("loose.seq", LOOSE);
    symlinkSync(loose, join(folder, "link.seq"));
    expect((await inProcess(["fmt", join(folder, "link.seq")])).code).toBe(EXIT.ok);
    expect(lstatSync(join(folder, "link.seq")).isSymbolicLink()).toBe(true);
    expect(readFileSync(loose, "utf8")).toBe(CANONICAL);
  });

  it.each<[string, () => string, RegExp]>([
    ["a file that is not there", () => join(folder, "gone.seq"), /cannot read .*gone\.seq: there is no such file/],
    [
      "bytes that would be lost",
      () => file("latin.seq", Buffer.from("// \xe9\n", "latin1")),
      /latin\.seq: it is not UTF-8/,
    ],
  ])("refuses %s, before anything is written", async (_, name, message) => {
    const loose = file("loose.seq", LOOSE);
    const { code, err } = await inProcess(["fmt", loose, name()]);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(message);
    expect(readFileSync(loose, "utf8")).toBe(LOOSE);
  });
});

describe("--error-format=github-actions", () => {
  const MODEL = "model Two(N = 3) {\n  input x: [N]\n  param W: [2, N] ~ ones\n  output y = W @ z\n  loss sum(y)\n}\n";
  const annotation = /^::error file=.*bad\.seq,line=4,col=18,endLine=4,endColumn=19,title=SEQ2\d+::/;

  it("is on the standard output of check", async () => {
    const ended = await inProcess(["check", file("bad.seq", MODEL), "--error-format=github-actions"]);
    expect([ended.code, ended.err]).toEqual([EXIT.failed, ""]);
    expect(ended.out).toMatch(annotation);
    const sound = await inProcess(["check", file("sound.seq", CANONICAL), "--error-format=github-actions"]);
    expect(sound).toEqual({ code: EXIT.ok, out: "", err: "" });
  });

  it.each<[string, (spec: string) => string[]]>([
    ["compile", (spec) => [spec, "-o", join(folder, "out")]],
    ["grad", (spec) => [spec]],
    ["explain", (spec) => [spec]],
    ["train", (spec) => [spec, "--text", file("book.txt", "the quick brown fox jumps over the lazy dog\n".repeat(20))]],
  ])("leaves the standard output of %s to its result", async (command, args) => {
    const text = command === "train" ? MODEL.replace("N = 3", "N = 3, V = 2") : MODEL;
    const ended = await inProcess([command, ...args(file("bad.seq", text)), "--error-format=github-actions"]);
    expect([ended.code, ended.out]).toEqual([EXIT.failed, ""]);
    expect(ended.err).toMatch(annotation);
  });
});
