/** @file Models that test the device: they pass where it computes what the spec says, and name the kernel where it does not. */

import { beforeAll, describe, expect, test } from "vitest";
import { liveObjects } from "../../runtime/live-objects.js";
import { BATCH, type Manifest } from "../../runtime/manifest.js";
import { Model } from "../../runtime/model.js";
import type { SelfTestReport } from "../../runtime/self-test.js";
import { referenceInputs, withFixed } from "../../runtime/self-test-rule.js";
import { type CompileOptions, compile } from "../../src/compile.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

type Sizes = Readonly<Record<string, number>>;

function manifestOf(name: string, set: Sizes, more: Partial<CompileOptions> = {}): Manifest {
  const file = `std/${name}`;
  const { models } = compile({ files: [file], host: hostOf({}), set, selfTest: true, ...more });
  return present(models[0], "test", file).manifest;
}

async function tested(manifest: Manifest): Promise<SelfTestReport> {
  using model = await Model.create(await testDevice(), manifest);
  return await model.selfTest();
}

/** The manifest with other texts of its kernels. */
function sabotaged(manifest: Manifest, change: (text: string, name: string) => string): Manifest {
  const kernels = Object.entries(manifest.kernels).map(([name, text]) => [name, change(text, name)]);
  return { ...manifest, kernels: Object.fromEntries(kernels) };
}

/** A change of one kernel, which has to change something. */
const only = (kernel: string, change: (text: string) => string) => (text: string, name: string) => {
  if (name !== kernel) return text;
  const changed = change(text);
  if (changed === text) throw new Error(`${kernel} stays as it is`);
  return changed;
};

const giveZeros = (text: string) => text.replaceAll(/^( *arena\[.*\]) = .*;$/gm, "$1 = 0.0f;");
/** Of each sum over so many terms: a tile of a product is filled up with zeros beyond them. */
const forgetLast = (terms: number) => (text: string) =>
  text.replaceAll(new RegExp(`((?:deep|k)_\\d+ < )${terms}u`, "g"), `$1${terms - 1}u`);

const CHAR_LM = { V: 11, E: 6, H: 8 };

describe("passes", () => {
  const models: readonly (readonly [name: string, sizes: Sizes, more?: Partial<CompileOptions>])[] = [
    ["adding", { H: 6 }],
    ["bidirectional-tagger", { V: 12, E: 4, H: 5, K: 3 }],
    ["classifier", { I: 3, H: 6, K: 4 }],
    ["copying", { H: 6 }],
    ["selective-copying", { V: 9, D: 8, L: 1 }],
    ["mamba-lm", { V: 11, D: 8, L: 1 }],
    ["mamba-lm", { V: 11, D: 8, L: 1 }, { precision: "f16" }],
    ["seq2seq", { V: 7, W: 8, E: 4, H: 6 }],
    ["seq2seq-attention", { V: 7, W: 8, E: 4, H: 6 }],
    ["transformer-lm", { V: 11, D: 8, L: 1, Heads: 2 }],
    ["char-lm", CHAR_LM, { stateful: true, probe: true }],
    ["char-lm", CHAR_LM, { precision: "f16" }],
  ];

  const cases = models.map(([name, sizes, more = {}]) => ({ name, sizes, more }));
  test.each(cases)("$name $sizes $more", async ({ name, sizes, more }) => {
    const manifest = manifestOf(name, sizes, more);
    const { faults, skipped, passed, checked } = await tested(manifest);
    expect(faults.map(({ message }) => message)).toEqual([]);
    expect(skipped.filter(({ reason }) => !reason.startsWith("beyond the device"))).toEqual([]);
    expect(passed).toBe(true);
    expect(checked).toBeGreaterThan(10);
  });

  test("masks in f16, infinities of which are its largest number", async () => {
    const text = `import { SelfAttention } from "std/self-attention"
model M(D = 6) {
  input x: [T, D]
  target y: [T, D]
  use mix = SelfAttention(D, 2)
  guess = mix(x)
  output guess
  loss mse(guess, y)
}`;
    const { manifest } = compileText(text, {}, "f16", { selfTest: true });
    expect(await tested(manifest)).toMatchObject({ passed: true, faults: [], skipped: [] });
  });

  test("dropout, which both sides draw", async () => {
    const text = `import { Linear } from "std/linear"
model M(I = 5, K = 3) {
  input x: [T, I]
  target y: [T, K]
  use head = Linear(I, K)
  guess = head(dropout(x, 0.4))
  output guess
  loss mse(guess, y)
}`;
    expect(await tested(compileText(text, {}, "f32", { selfTest: true }).manifest)).toMatchObject({ passed: true });
  });
});

test("examples of a ragged batch end where they like, one at the end", () => {
  const manifest = manifestOf("classifier", { I: 3, H: 6, K: 4 });
  const ends = referenceInputs(manifest, withFixed({ [BATCH]: 12, T: 7 }), false).get("T") ?? [];
  expect(ends[0]).toBe(7);
  expect(new Set(ends).size).toBeGreaterThan(3);
  expect(Math.min(...ends)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...ends)).toBe(7);
});

describe("the reference", () => {
  const manifest = manifestOf("char-lm", CHAR_LM);
  const runs = present(manifest.selfTest, "test", "the reference").runs;

  test("has every program, streams twice", () => {
    expect(runs.map(({ program }) => program)).toEqual(["train", "evaluate", "predict", "step", "step"]);
    expect(runs[4]).toMatchObject({ after: 3, sizes: { T: 1, _past: 5 } });
  });

  test("has all gradients", () => {
    const places = runs[0].dispatches.flat().map(([place]) => place);
    for (const { name } of manifest.parameters) expect(places).toContain(name);
  });

  test("is strict: next to nothing may be off by more than a thousandth", () => {
    const all = runs.flatMap(({ dispatches }) => dispatches.flat());
    const loose = all.filter(([, norm, , tolerance]) => tolerance > 1.06e-3 * norm);
    expect(loose.map(([, norm]) => norm)).toEqual(loose.map(() => 0));
    expect(loose.length).toBeLessThan(all.length / 10);
  });

  test("is small, and the only difference to a plain module", () => {
    const { selfTest, ...plain } = manifest;
    expect(JSON.stringify(selfTest).length).toBeLessThan(
      40 * runs.flatMap(({ dispatches }) => dispatches.flat()).length,
    );
    expect(plain).toEqual(manifestOf("char-lm", CHAR_LM, { selfTest: false }));
  });

  test("stays near a start with a domain of its own", () => {
    const text = `model M(H = 40) {
  input x: [T, H]
  target y: [T, H]
  param a: [H] ~ 0.995
  guess[t, h] = x[t, h] * sqrt(1 - a[h] * a[h])
  output guess
  loss mse(guess, y)
}`;
    const { selfTest } = compileText(text, {}, "f32", { selfTest: true }).manifest;
    expect(selfTest?.spread).toBe(0.001);
    expect(selfTest?.runs.every(({ indefinite }) => indefinite === undefined)).toBe(true);
  });
});

describe("names", () => {
  const manifest = manifestOf("char-lm", CHAR_LM);
  const train = present(manifest.programs.train, "test", "training");
  const faultsWith = async (kernel: string, change: (text: string) => string) => {
    const { passed, faults } = await tested(sabotaged(manifest, only(kernel, change)));
    expect(passed).toBe(false);
    return faults.filter(({ program }) => program === "train");
  };
  const loopName = present(
    train.dispatches.find(({ label }) => label.startsWith("scan over")),
    "test",
    "the loop",
  ).kernel;

  beforeAll(async () => expect(await tested(manifest)).toMatchObject({ passed: true, faults: [] }));

  test("a product that forgets a term", async () => {
    const [{ kernel }] = train.dispatches;
    const [fault, ...others] = await faultsWith(kernel, forgetLast(CHAR_LM.E));
    expect(fault).toMatchObject({
      program: "train",
      dispatch: 0,
      variant: 0,
      kernels: [kernel],
      label: train.dispatches[0].label,
    });
    expect(fault.message).toContain(kernel);
    expect(fault.got?.norm).not.toBeCloseTo(present(fault.expected, "test", "the reference").norm, 2);
    // Its other kernels are right, so the program went on with one of them.
    expect(others).toEqual([]);
  });

  test("a loop whose sums forget a term", async () => {
    const [fault] = await faultsWith(loopName, forgetLast(CHAR_LM.H));
    expect(fault).toMatchObject({ dispatch: 1, variant: 0, kernels: [loopName] });
  });

  test("a loop that gives zeros", async () => {
    const [fault] = await faultsWith(loopName, giveZeros);
    expect(fault).toMatchObject({ dispatch: 1, kernels: [loopName], got: { norm: 0, projection: 0 } });
  });

  test("a loop with two gates swapped", async () => {
    const swap = (text: string) =>
      text.replaceAll(/(at_\d+ \+ )(64|128)u/g, (_, head, offset) => `${head}${offset === "64" ? 128 : 64}u`);
    const [fault] = await faultsWith(loopName, swap);
    expect(fault).toMatchObject({ dispatch: 1, kernels: [loopName] });
  });

  test("every variant that gives zeros, and no other kernel", async () => {
    const variants = Object.keys(manifest.kernels).filter((name) => /_\d+_\w+$/.test(name));
    expect(variants.length).toBeGreaterThan(8);
    const zeros = sabotaged(manifest, (text, name) => (variants.includes(name) ? giveZeros(text) : text));
    const { faults, skipped } = await tested(zeros);
    const named = faults.flatMap(({ kernels }) => kernels);
    const unfit = skipped.flatMap(({ kernels = [] }) => kernels);
    expect([...new Set([...named, ...unfit])].sort()).toEqual(variants.toSorted());
    expect(faults.every(({ variant }) => variant > 0)).toBe(true);
  });

  test("what follows a kernel of partial sums that is wrong", async () => {
    const at = train.dispatches.findIndex((_, i) => manifest.selfTest?.runs[0].dispatches[i].length === 0);
    const faults = await faultsWith(train.dispatches[at].kernel, giveZeros);
    // The default and its variants differ, and the default is what the rest goes on with.
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.every(({ dispatch }) => dispatch >= at)).toBe(true);
  });

  test("a kernel that the device refuses, and goes on with another", async () => {
    const [{ kernel }] = train.dispatches;
    const [fault] = await faultsWith(kernel, (text) => text.replace("let group", "let let group"));
    expect(fault).toMatchObject({ dispatch: 0, kernels: [kernel] });
    expect(fault.message).toContain("refused");
  });
});

test("a second step of a stream is wrong alone", async () => {
  const manifest = manifestOf("char-lm", CHAR_LM);
  const reference = present(manifest.selfTest, "test", "the reference");
  const [first] = reference.runs[4].dispatches[0];
  const runs = reference.runs.map((run, at) => {
    const wrong = [[first[0], first[1] * 1.01, first[2], first[3]] as const, ...run.dispatches[0].slice(1)];
    return at === 4 ? { ...run, dispatches: [wrong, ...run.dispatches.slice(1)] } : run;
  });
  const { faults } = await tested({ ...manifest, selfTest: { ...reference, runs } });
  expect(faults.map(({ program, dispatch }) => [program, dispatch])).toEqual(faults.map(() => ["step", 0]));
  expect(faults.length).toBeGreaterThan(0);
});

test("leaves nothing behind, and the parameters as they are", async () => {
  const device = await testDevice();
  using model = await Model.create(device, manifestOf("adding", { H: 6 }));
  const [before, parameters] = [liveObjects(device), await model.parameters()];
  expect(await model.selfTest()).toMatchObject({ passed: true });
  expect(liveObjects(device)).toEqual(before);
  expect(await model.parameters()).toEqual(parameters);
});

test("a plain module says how to compile it", async () => {
  await expect(tested(manifestOf("char-lm", CHAR_LM, { selfTest: false }))).rejects.toThrow(
    "CharLM was not compiled for `selfTest`: compile it with `seqc compile --self-test`",
  );
});
