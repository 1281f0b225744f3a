/**
 * @file Every spec that ships, with mistakes of every kind, gives diagnostics or a model; so do specs that ask for too much.
 * What should be quick and is not, fails by the runner's limit for a test.
 */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import { hostOf } from "../check/host.js";
import { randomSource } from "../lower/support.js";

const specs = readdirSync("specs", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".seq"))
  .sort();

type Random = () => number;

const tokensOf = (text: string) => text.match(/\/\/.*|"[^"]*"|\w+|\s+|[^\w\s]/g) ?? [];
const below = (random: Random, n: number) => Math.floor(random() * n);

function onTokens(edit: (tokens: string[], i: number, j: number) => void) {
  return (text: string, random: Random) => {
    const tokens = tokensOf(text);
    edit(tokens, below(random, tokens.length), below(random, tokens.length));
    return tokens.join("");
  };
}

const kinds: Readonly<Record<string, (text: string, random: Random) => string>> = {
  deleted: onTokens((tokens, i) => tokens.splice(i, 1)),
  doubled: onTokens((tokens, i) => tokens.splice(i, 0, tokens[i])),
  swapped: onTokens((tokens, i, j) => {
    [tokens[i], tokens[j]] = [tokens[j], tokens[i]];
  }),
  cut: (text, random) => text.slice(0, below(random, text.length)),
  "random bytes": (text, random) => {
    const bytes = Buffer.from(text);
    for (let n = 0; n < 3; n++) bytes[below(random, bytes.length)] = below(random, 256);
    return bytes.toString("utf8");
  },
};

/** Compiles; the codes of what is said. */
function codesOf(text: string): string[] {
  const { models, diagnostics } = compile({ files: ["a.seq"], host: hostOf({ "a.seq": text }), verify: true });
  if (/^model /m.test(text)) expect(models.length + diagnostics.length, text).toBeGreaterThan(0);
  return diagnostics.map(({ code }) => code);
}

test.each(Object.keys(kinds))("%s", (kind) => {
  const runs = Number(process.env.SEQC_FUZZ_RUNS ?? 1);
  const random = randomSource(kind.length);
  let mistaken = 0;
  for (const name of specs) {
    const text = readFileSync(`specs/${name}`, "utf8");
    for (let run = 0; run < runs; run++) {
      const mutated = kinds[kind](text, random);
      const codes = codesOf(mutated);
      expect(codes, mutated).not.toContain("SEQ9001");
      if (codes.length > 0) mistaken++;
    }
  }
  expect(mistaken).toBeGreaterThan(0);
});

const model = (head: string, body: string) => `layer One(D) { input x: [D] output y = 2 * x }
cell Sum(D) { input x: [D] state s: [D] s' = s + x output s' }
model M(${head}) { ${body} output y loss sum(y) }`;

const chain = (n: number) => Array.from({ length: n }, (_, i) => `  a${i + 1} = a${i} + 1`).join("\n");

describe("what asks for too much is refused", () => {
  test.each([
    ["many instances", model("L = 1000000", "input x: [3] use u[L] = One(3) y = chain u(x)")],
    ["a long scan over a size", model("N = 1000000", "input x: [N, 3] use u = Sum(3) y = scan u(x)")],
    ["a deep chain of sizes", model(`A = ${"(".repeat(5000)}1${")".repeat(5000)}`, "input x: [A] y = x")],
    ["a tower of powers", model("A = 10 ** 10 ** 10", "input x: [A] y = x")],
  ])("%s", (_, text) => {
    expect(codesOf(text)).not.toEqual([]);
    expect(codesOf(text)).not.toContain("SEQ9001");
  });

  test.each([
    ["a size", model("H = 1e12", "input x: [H] param W: [H] ~ zeros y[i] = W[i] * x[i]"), "SEQ3025"],
    ["a product of sizes", model("H = 1000000", "input x: [H] param W: [H, H] ~ zeros y = W @ x"), "SEQ3025"],
    ["many parts", model("N = 1000000", "input x: [N] y = split(x, N)"), "SEQ9002"],
    ["a model of very many values", model("", `input a0: [3] ${chain(3000)} y = a3000`), "SEQ9002"],
  ])("%s, told as what it is", (_, text, code) => {
    expect(codesOf(text)).toEqual([code]);
  });

  test("a very long file of sound statements is read", () => {
    expect(codesOf(`layer A(D) {\n  input a0: [D]\n${chain(3000)}\n  output a3000\n}`)).toEqual([]);
  });

  test("names defined far below where they are needed", () => {
    const body = chain(3000).split("\n").reverse().join("\n");
    expect(codesOf(`layer A(D) {\n  input a0: [D]\n${body}\n  output a3000\n}`)).toContain("SEQ9002");
  });

  test("a very long file of mistakes as well", () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `  a${i + 1} = b${i} + ]`).join("\n");
    expect(codesOf(`layer A(D) {\n  input a0: [D]\n${lines}\n}`).length).toBeGreaterThan(1000);
  });
});
