/** @file What a spec calls things, what its docs say and how its file is named never ends up as code of another language. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, describe, expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { type CompiledModel, compile } from "../../src/compile.js";
import { BATCH } from "../../src/ir/types.js";
import { hostOf } from "../check/host.js";
import { agreesOnDevice } from "../fuzz/properties.js";
import { randomArguments } from "../lower/support.js";
import { testDevice } from "../support/device.js";
import { runOnDevice } from "../support/ladder.js";

/** Words with a meaning in JavaScript, TypeScript, WGSL, the generated module or its kernels, free in a spec. */
const NAMES = [
  "constructor prototype toString hasOwnProperty class function new this null undefined await yield let var",
  "default arguments any never number string Promise Model GPUDevice Float32Array Pick exports manifest options",
  "arena plan group thread place params main vec4 f16 u32 array select bitcast override texture_2d Plan",
  "batch switch k0 v1 seq_sigmoid W_ih",
].flatMap((line) => line.split(" "));

/** Lengths and sizes begin with a capital, as few of these words do; `o0` and the like name offsets in the plan of a kernel. */
const CAPITALS = ["NULL", "Self", "NULL_", "Plan", "Object", "Promise", "Model", "O0", "B", "Hyper", "GPUDevice"];

/** A spec in which every kind of thing that has a name has one from `names`, in its order. */
function specOf(names: readonly string[]): string {
  const [M, Cell, Layer, f, rnn, head, ids, x, scale, target, E, K, seq, out, end, metric, T, state, W, U, v] = names;
  const [own, rate, a, b, t, d, j, H] = names.slice(21);
  return `
fn ${f}(${a}, ${b}) = ${a} * ${b} + 1

cell ${Cell}(I, ${H}, ${rate} = 0.5) {
  input ${x}: [I]
  state ${state}: [${H}]
  param ${W}: [${H}, I] ~ normal, ${U}: [${H}, ${H}] ~ normal
  ${v} = ${W} @ ${x} + ${U} @ ${state}
  ${state}' = tanh(${f}(${rate}, ${v}))
  output ${state}'
}

layer ${Layer}(I, O) {
  input ${x}: [I]
  param ${W}: [O, I] ~ normal
  output ${v}[${d}] = sum[${j}](${W}[${d}, ${j}] * ${x}[${j}])
}

model ${M}(V = 4, I = 2, ${H} = 3, O = 2) {
  input ${ids}: [${T}] id(V), ${scale}: [I]
  target ${target}: [${T}, O]
  param ${E}: [V, I] ~ normal
  const ${K}[${d}]: [I] = ${d} + 1
  use ${rnn} = ${Cell}(I, ${H}), ${head} = ${Layer}(${H}, O)
  ${seq}[${t}, ${d}] = ${E}[${ids}[${t}], ${d}] * ${K}[${d}] * ${scale}[${d}]
  ${own}, ${end} = scan ${rnn}(${seq})
  ${out} = ${head}(${own} + 0 * sum(${end}.${state}))
  output ${out}
  loss mse(${out}, ${target})
  metric ${metric} = mae(${out}, ${target})
}
`;
}

const ROLES = 29;
const [LENGTH, NUMBER, SIZE] = [16, 22, 28];

function compiled(text: string, file = "a.seq"): CompiledModel {
  const { models, diagnostics } = compile({ files: [file], host: hostOf({ [file]: text }), verify: true });
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length > 0)
    throw new Error(`${errors.map(({ code, message }) => `${code} ${message}`).join("\n")}${text}`);
  return models[0];
}

/** Names of a spec each, such that every name has every role once. */
const rotations = NAMES.map((_, i) => {
  const names = Array.from({ length: ROLES }, (_, r) => NAMES[(i + r) % NAMES.length]);
  const free = CAPITALS.filter((name) => !names.includes(name));
  const small = NAMES.filter((name) => /^[a-z]/.test(name) && !names.includes(name));
  const capital = (at: number) => free[(i + at) % free.length];
  return names
    .with(LENGTH, capital(0))
    .with(SIZE, capital(1))
    .with(NUMBER, small[i % small.length]);
});

const folder = mkdtempSync(join(tmpdir(), "seqc-names-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What TypeScript has to say of modules, beside the runtime. */
function complaints(modules: readonly string[]): string[] {
  const files = modules.map((text, i) => {
    writeFileSync(join(folder, `${i}.ts`), text);
    return join(folder, `${i}.ts`);
  });
  const path = (to: string) => fileURLToPath(new URL(`../../${to}`, import.meta.url));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    typeRoots: [path("node_modules/@types"), path("node_modules")],
    types: ["@webgpu/types"],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    paths: { "seqc/runtime": [path("runtime/index.ts")] },
  });
  return files.flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start }) =>
        `${ts.flattenDiagnosticMessageText(messageText, " ")} | ${source?.text.slice(start).split("\n")[0]}`,
    );
  });
}

describe("reserved words of other languages", () => {
  const models = rotations.map((names) => compiled(specOf(names)));

  test("in every role give modules that type-check against the runtime", () => {
    expect(complaints(models.map(({ typescript }) => typescript))).toEqual([]);
  });

  test("in every role give WGSL that the device accepts", async () => {
    const device = await testDevice();
    const quads = device.features.has("subgroups");
    for (const { manifest } of models) {
      for (const kernel of Object.values(manifest.kernels)) {
        if (!quads && kernel.includes("quadBroadcast")) continue;
        const code = `${quads ? "enable subgroups;\n" : ""}${manifest.wgsl}${kernel}`;
        const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
        expect(messages.map(({ message }) => message)).toEqual([]);
      }
    }
  });

  const few = Array.from({ length: Math.ceil(NAMES.length / ROLES) }, (_, i) => i * ROLES);

  test.each(few)("from number %i on compute what the interpreter does", async (i) => {
    const [text, length] = [specOf(rotations[i]), rotations[i][LENGTH]];
    await agreesOnDevice({ text, lengths: { [BATCH]: 2, [length]: 3 }, seed: i }, models[i], runOnDevice);
  });

  test.each(few)("from number %i on name what the runtime is given and gives", async (i) => {
    const { manifest, module } = models[i];
    const [ids, scale, target, out, metric] = [6, 8, 9, 13, 15].map((role) => rotations[i][role]);
    const args = randomArguments(module, { [BATCH]: 2, [rotations[i][LENGTH]]: 3 }, i);
    const inputs = { [ids]: Int32Array.from(args[ids].data), [scale]: Float32Array.from(args[scale].data) };
    const batch = { ...inputs, [target]: Float32Array.from(args[target].data) };
    const model = await Model.create(await testDevice(), manifest);
    const sizes = { batch: 2, length: 3 };
    const trainer = await model.trainer({ ...sizes, optimizer: { learningRate: 0.01 } });
    const first = await (await trainer.trainStep(batch)).loss;
    expect(first).toBeGreaterThan(0);
    const results: Readonly<Record<string, unknown>> = await model.predict(inputs, sizes);
    expect(Object.keys(results)).toEqual([out]);
    const evaluated = await model.evaluate(batch, sizes);
    expect(Object.keys(evaluated.metrics)).toEqual([metric]);
  });
});

describe("texts", () => {
  const docs = [
    "*/ alert(1) /*",
    "`$\u007balert(1)}`",
    "\\",
    "\u2028 and \u2029 alert(1)",
    "</script>",
    "**/",
    "/",
    "a\\`",
  ];
  const files = ['a"b.seq', "a'b.seq", "a*/b.seq", "a\nalert(1).seq", "a\r\u2028b c.seq", "a`$\u007bb}.seq", "a\\.seq"];
  const [first] = rotations;
  const plain = compiled(specOf(first));

  test("of docs stay comments", () => {
    const lines = docs.map((doc) => `/// ${doc}\n`).join("");
    const { typescript } = compiled(specOf(first).replace(/^(?=model|cell| {2}(input|output|param|state))/gm, lines));
    expect(typescript).toContain("alert");
    expect(withoutComments(typescript)).toEqual(withoutComments(plain.typescript));
  });

  test.each(files)("of the file name %j stay comments", (file) => {
    expect(withoutComments(compiled(specOf(first), file).typescript)).toEqual(withoutComments(plain.typescript));
  });
});

/** A module as JavaScript, and what its syntax lacks. */
function withoutComments(typescript: string) {
  const { diagnostics = [], outputText } = ts.transpileModule(typescript, {
    reportDiagnostics: true,
    compilerOptions: { removeComments: true, target: ts.ScriptTarget.ES2022 },
  });
  return { syntax: diagnostics.map(({ messageText }) => messageText), code: outputText };
}
