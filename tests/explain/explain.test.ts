import { describe, expect, it } from "vitest";
import { checkProgram } from "../../src/check/check.js";
import type { Block, ScanCall } from "../../src/check/typed.js";
import { explainBlock, explainModel, type Section } from "../../src/explain/explain.js";
import { printSeq } from "../../src/explain/print-seq.js";
import { scansOf } from "../../src/explain/step.js";
import { type NdArray, ndarray, numel } from "../../src/ir/ndarray.js";
import { extents } from "../../src/ir/shape.js";
import { BATCH } from "../../src/ir/types.js";
import { parse } from "../../src/parser/parse.js";
import { hostOf } from "../check/host.js";

import { distance, random } from "../passes/support.js";
import { type Arrays, evaluateEquations, evaluateSection, exampleOf } from "./evaluate.js";

const lengths = { [BATCH]: 3, T: 4, S: 3 };

function check(text: string) {
  const { models, samples, diagnostics } = checkProgram({ files: ["t.seq"], host: hostOf({ "t.seq": text }), parse });
  expect(diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([]);
  return { models, samples };
}

/** A cell with small sizes: that of a model which scans it. */
function cellOf(use: string, ports: string, call: string, declaration = ""): Block {
  const name = /^\w+/.exec(use)?.[0] ?? "";
  const from = declaration === "" ? `import { ${name} } from "std/${fileOf(name)}"\n` : "";
  const { models } = check(`${from}${declaration}\nmodel M {\n${ports}\nuse cell = ${use}\ny = ${call}\noutput y\n}\n`);
  const [scan]: readonly ScanCall[] = scansOf(models[0]);
  return scan.block;
}

/** `SelectiveSSM` is in `selective-ssm`. */
function fileOf(name: string): string {
  if (["IndRNN", "S4D", "LRU", "SSD", "MLSTM", "SLSTM"].includes(name)) return name.toLowerCase();
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "-").toLowerCase();
}

function argumentsOf({ derivation }: Section, seed: number): Arrays {
  const next = random(seed);
  return Object.fromEntries(
    derivation.graph.args.map(({ name, value }): [string, NdArray] => {
      const shape = extents(value.type.shape, lengths);
      const draw = () => (value.type.elem === "f32" ? 2 * next() - 1 : Math.floor(2 * next()));
      return [name, ndarray(shape, Array.from({ length: numel(shape) }, draw))];
    }),
  );
}

/** What the adjoints that arrive are those of: the sum of results, each times its adjoint. */
function objective(section: Section, args: Arrays): number {
  const results = evaluateSection(section, args, lengths);
  const names = new Set([...section.derivation.arrivals.values()].map(({ text }) => text));
  let sum = 0;
  for (const name of names) {
    const value = results[`output:${name}`];
    args[`d ${name}`].data.forEach((adjoint, i) => {
      sum += adjoint * value.data[i];
    });
  }
  return sum;
}

/** The derivative along a random direction of one argument: by the equations, and by central differences. */
function slopes(section: Section, args: Arrays, name: string, gradient: ArrayLike<number>, seed: number) {
  const next = random(seed);
  const direction = args[name].data.map(() => 2 * next() - 1);
  const step = 1e-5;
  const moved = (by: number) => {
    const data = args[name].data.map((x, i) => x + by * direction[i]);
    return objective(section, { ...args, [name]: ndarray(args[name].shape, data) });
  };
  const shown = direction.reduce((sum, d, i) => sum + d * gradient[i], 0);
  return { shown, measured: (moved(step) - moved(-step)) / (2 * step) };
}

/** Compares every line with the IR that it is read from, and the adjoints of all arguments with differences. */
function expectDerivative(section: Section, seed: number): void {
  const args = argumentsOf(section, seed);
  const { derivation } = section;
  const scopes = evaluateEquations(section, args, lengths);
  const computed = evaluateSection(section, args, lengths);
  for (const { name, value } of derivation.adjoints) {
    const whole = computed[`grad:${name.text}`];
    for (const [example, scope] of scopes.entries()) {
      const shown = scope.get(`d ${name.text}`);
      expect(shown, `d${name.text} has an equation`).toBeDefined();
      const expected = exampleOf(value, whole, example);
      expect(distance(shown?.data ?? [], expected.data), `the equation of d${name.text}`).toBeLessThan(1e-9);
    }
  }
  const given = derivation.graph.args.filter(({ name, value }) => !name.startsWith("d ") && value.type.elem === "f32");
  for (const [i, { name, value }] of given.entries()) {
    const adjoint = scopes.map((scope) => scope.get(`d ${name}`));
    if (adjoint.some((array) => array === undefined)) continue;
    // An argument that is an output as well already holds its own share in what arrived.
    const gradient = value.type.shape[0] === BATCH ? adjoint.flatMap((a) => [...(a?.data ?? [])]) : adjoint[0]!.data;
    const { shown, measured } = slopes(section, args, name, gradient, seed + i);
    expect(Math.abs(shown - measured), `d${name}: ${shown} against ${measured}`).toBeLessThan(
      1e-6 * Math.max(1, Math.abs(measured)),
    );
  }
}

const vector = "input x: [T, 3]";

describe("the equations are the derivative", () => {
  it.each([
    ["RNN(3, 2)", vector, "scan cell(x)"],
    ["LSTM(3, 2)", vector, "scan cell(x)"],
    ["GRU(3, 2)", vector, "scan cell(x)"],
    ["LSTMConcat(3, 2)", vector, "scan cell(x)"],
    ["LSTMPeephole(3, 2)", vector, "scan cell(x)"],
    ["GRUConcat(3, 2)", vector, "scan cell(x)"],
    ["MGU(3, 2)", vector, "scan cell(x)"],
    ["MinGRU(3, 2)", vector, "scan cell(x)"],
    ["MinLSTM(3, 2)", vector, "scan cell(x)"],
    ["IndRNN(3, 2)", vector, "scan cell(x)"],
    ["LRU(3, 2, 4)", vector, "scan cell(x)"],
    ["S4D(3, 2)", vector, "scan cell(x)"],
    ["SSD(4, 2, 3)", "input x: [T, 4]", "scan cell(x)"],
    ["SelectiveSSMScalar(3)", vector, "scan cell(x)"],
    ["GatedLinearAttention(4, 2)", "input x: [T, 4]", "scan cell(x)"],
    ["MLSTM(3, 4, 2)", vector, "scan cell(x)"],
    ["SLSTM(3, 4, 2)", vector, "scan cell(x)"],
    ["SelectiveSSM(3, 2, 1)", vector, "scan cell(x)"],
  ])("of %s", (use, ports, call) => {
    for (const section of explainBlock(cellOf(use, ports, call))) expectDerivative(section, 7);
  });

  it("of a cell with a context that is a sequence", () => {
    const text = `import { BahdanauDecoder } from "std/bahdanau-decoder"
      model M {
        input y: [T, 3], enc: [S, 4]
        use cell = BahdanauDecoder(3, 4, 2)
        s, c = scan cell(y, enc)
        output s
        output c
      }`;
    const [scan] = scansOf(check(text).models[0]);
    for (const section of explainBlock(scan.block)) expectDerivative(section, 2);
  });

  it("of a start that is computed, on top of what the steps give", () => {
    const declaration = `cell Elman(I, H) {
      input x: [I]
      param h0: [H] ~ zeros, g: [H] ~ ones
      state h: [H] = tanh(h0) * g
      param W: [H, I] ~ normal, U: [H, H] ~ normal
      h' = tanh(W @ x + U @ h) * g
      output h'
    }`;
    const [step, start] = explainBlock(cellOf("Elman(3, 2)", vector, "scan cell(x)", declaration));
    expectDerivative(step, 3);
    const twice = start.lines.filter((line) => line.kind === "equation" && line.equation.adds);
    expect(twice.map((line) => (line.kind === "equation" ? line.equation.left[0].text : ""))).toEqual(["g"]);
    const alone = start.lines.map((line) =>
      line.kind === "equation" ? { ...line, equation: { ...line.equation, adds: false } } : line,
    );
    expectDerivative({ ...start, lines: alone }, 3);
  });

  it("of layers with windows, look-ups, norms, softmax and constants inside", () => {
    const { models } = check(`
      layer Odd(D) {
        input x: [T, D], id: [T] id(2)
        param W: [2, D] ~ normal, K: [D, 3] ~ normal, frozen_one: [D] ~ normal frozen
        near[t, d] = sum[k](K[d, k] * x[t - k, d] else 0)
        look[t, d] = W[id[t], d] * frozen_one[d]
        weight[t, s] = softmax[s](sum[d](near[t, d] * look[s, d]))
        output y[t, d] = sum[s](weight[t, s] * x[s, d]) + norm(x) * abs(near[t, d])
        output z[t, d] = max(y[t, d], 0.3 * x[0, d]) ** 2 / (D + 1)
      }
      model M { input x: [T, 3], id: [T] id(2) use odd = Odd(3) y, z = odd(x, id) output y output z }`);
    const call = models[0].steps.flatMap(({ value }) => (value.kind === "result" ? [value.call] : []))[0];
    expect(call.kind).toBe("layer");
    if (call.kind === "layer") for (const section of explainBlock(call.block)) expectDerivative(section, 5);
  });

  it("of the rest of a model around its scans", () => {
    const { models } = check(`
      import { GRU } from "std/gru"
      import { Linear } from "std/linear"
      model M {
        input x: [T, 3], known: [T] bool
        target y: [T] id(4)
        use rnn = GRU(3, 2), head = Linear(2, 4)
        param scale: [2] ~ ones
        hs = scan rnn(x)
        scaled[t, h] = scale[h] * hs[t, h]
        logits = head(scaled)
        loss cross_entropy(logits, y) where known
        loss sum(scale * scale)
      }`);
    const rest = explainModel(models[0]).at(-1);
    expect(rest?.lines.filter(({ kind }) => kind === "scan")).toHaveLength(1);
    if (rest === undefined) return;
    // The loop itself is no part of these equations: what it gives is an argument for the while.
    const text = printSeq([rest]);
    expect(text).toMatch(/given dhs, it gives .*d\(rnn\.W_ih\)/);
    const args = { ...argumentsOf(rest, 11), "d loss": ndarray([], [1]) };
    const scopes = evaluateEquations(rest, args, lengths);
    const computed = evaluateSection(rest, args, lengths);
    for (const { name, value } of rest.derivation.adjoints) {
      const expected = exampleOf(value, computed[`grad:${name.text}`], 1);
      expect(distance(scopes[1].get(`d ${name.text}`)?.data ?? [], expected.data), name.text).toBeLessThan(1e-9);
    }
    const head = slopes(rest, args, "head.W", computed["grad:head.W"].data, 13);
    expect(head.shown).toBeCloseTo(head.measured, 6);
    const scale = slopes(rest, args, "scale", computed["grad:scale"].data, 17);
    expect(scale.shown).toBeCloseTo(scale.measured, 6);
  });
});

describe("the text", () => {
  const equations = (text: string) => text.split("\n").filter((line) => !line.startsWith("//"));

  it.each(["LSTM", "GRU"])("of %s alone is that of an instance: no sample size shows", (name) => {
    const file = `std/${fileOf(name)}`;
    const { samples } = checkProgram({ files: [file], host: hostOf({}), parse });
    const alone = printSeq(explainBlock(samples[0].block, samples[0].sizes));
    const instance = printSeq(explainBlock(cellOf(`${name}(3, 2)`, vector, "scan cell(x)")));
    expect(equations(alone)).toEqual(equations(instance));
    expect(alone).not.toMatch(/\d{3}/);
  });

  it("has the sizes by name where they show", () => {
    const { samples } = check(`cell C(I, H) {
      input x: [I]
      state h: [H]
      param W: [H, I + H] ~ normal
      h' = tanh(W @ concat(x, h)) / sqrt(H) + mean(h)
      output h'
    }`);
    const text = printSeq(explainBlock(samples[0].block, samples[0].sizes));
    expect(text).toMatch(/\[0 : I\]/);
    expect(text).toMatch(/\[I : I \+ H\]/);
    expect(text).toMatch(/sqrt\(H\)/);
    expect(text).toMatch(/\/ H\b/);
    expect(text).not.toMatch(/\d{2}/);
  });

  it("calls adjoints so that no name means two things", () => {
    const { samples } = check(`cell C(H) {
      input t: [H], dt: [H]
      state h: [H]
      h' = tanh(t * h + dt)
      output h'
    }`);
    const names = printSeq(explainBlock(samples[0].block, samples[0].sizes))
      .split("\n")
      .flatMap((line) => (line.includes(" = ") && !line.startsWith("//") ? line.split(" = ").slice(0, -1) : []));
    expect(names).not.toContain("dt");
    expect(new Set(names).size).toBe(names.length);
  });
});
