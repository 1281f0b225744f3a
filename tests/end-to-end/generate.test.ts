/** @file A stream that feeds itself gives what a loop gives that reads every logit and draws on the host. */

import { afterAll, describe, expect, test } from "vitest";
import type { GenerateOptions } from "../../runtime/generate.js";
import { Model } from "../../runtime/model.js";
import { drawnId, uniformOf } from "../runtime/sampling.js";
import { compileText } from "../support/compiled.js";
import { testDevice } from "../support/device.js";
import { INPUT, type Speaker, speaker } from "./speakers.js";

const B = 3;
const PROMPTS = [Int32Array.of(3, 1, 4, 1, 5), Int32Array.of(2, 0, 1, 4, 2), Int32Array.of(0, 5, 5, 3, 1)];

const models = new Map<Speaker, Promise<Model>>();
const modelOf = (name: Speaker) => {
  const model = models.get(name) ?? speaker(name);
  models.set(name, model);
  return model;
};
afterAll(async () => {
  for (const model of models.values()) (await model).destroy();
});

const text = (ids: ArrayLike<number>, steps: number, row: number) =>
  Array.from(ids).slice(row * steps, (row + 1) * steps);

async function generated(name: Speaker, options: GenerateOptions, batch = B): Promise<Int32Array> {
  const stream = await (await modelOf(name)).stream({ batch });
  const ids = await stream.generate(options);
  stream.destroy();
  return ids;
}

/** Step by step, by way of the host. */
async function loop(
  name: Speaker,
  { steps, temperature = 1, topK, topP, seed = 0 }: GenerateOptions,
): Promise<number[]> {
  const stream = await (await modelOf(name)).stream({ batch: B });
  const input = INPUT[name];
  const rows: number[][] = PROMPTS.map(() => []);
  for (let position = 1; position < PROMPTS[0].length + steps; position++) {
    const ids = Int32Array.from(rows, (row, b) => PROMPTS[b][position - 1] ?? row.at(-1));
    const { logits } = await stream.step({ [input]: ids });
    if (position < PROMPTS[0].length) continue;
    const vocabulary = logits.length / B;
    rows.forEach((row, b) => {
      const own = logits.subarray(b * vocabulary, (b + 1) * vocabulary);
      row.push(drawnId(own, { temperature, topK, topP }, uniformOf(seed, b, position)));
    });
  }
  stream.destroy();
  return rows.flat();
}

describe.each(["CharLM", "Half", "Attending", "Last"] as const)("%s", (name) => {
  test.each([
    { steps: 1, seed: 4 },
    { steps: 37, seed: 5 },
    { steps: 20, temperature: 0 },
    { steps: 34, temperature: 0.7, topK: 4, topP: 0.9, seed: 6 },
  ])("generates what a loop draws on the host: %o", async (options) => {
    const ids = await generated(name, { ...options, prompt: PROMPTS });
    expect([...ids]).toEqual(await loop(name, options));
  });

  test("a longer text in parts, with and without a save between them, is the same text", async () => {
    const model = await modelOf(name);
    const options = { temperature: 1.1, seed: 8 };
    const whole = await generated(name, { ...options, steps: 80, prompt: PROMPTS });
    const stream = await model.stream({ batch: B });
    const parts = [await stream.generate({ ...options, steps: 1, prompt: PROMPTS })];
    parts.push(await stream.generate({ ...options, steps: 47 }));
    const other = await model.stream({ batch: B });
    await other.restore(await stream.save());
    const rest = [stream, other].map((each) => each.generate({ ...options, steps: 32 }));
    for (const last of await Promise.all(rest)) {
      for (let row = 0; row < B; row++) {
        const joined = [1, 47, 32].flatMap((steps, part) => text([...parts, last][part], steps, row));
        expect(joined).toEqual(text(whole, 80, row));
      }
    }
    expect(new Set(whole).size).toBeGreaterThan(3);
    stream.destroy();
    other.destroy();
  });
});

test("a row's text depends on its own prompt alone; greedy rows of one prompt are the same", async () => {
  const options = { steps: 30, seed: 2 };
  const one = await generated("CharLM", { ...options, prompt: PROMPTS });
  const other = await generated("CharLM", { ...options, prompt: [PROMPTS[0], PROMPTS[2], PROMPTS[1]] });
  expect(text(other, 30, 0)).toEqual(text(one, 30, 0));
  expect(text(other, 30, 1)).not.toEqual(text(one, 30, 1));
  const drawn = await generated("CharLM", { ...options, prompt: PROMPTS[0] });
  expect(text(drawn, 30, 0)).toEqual(text(one, 30, 0));
  expect(text(drawn, 30, 1)).not.toEqual(text(drawn, 30, 0));
  const greedy = await generated("CharLM", { steps: 30, topK: 1, prompt: PROMPTS[0] });
  expect([...greedy]).toEqual([...(await generated("CharLM", { steps: 30, temperature: 0, prompt: PROMPTS[0] }))]);
  expect(text(greedy, 30, 2)).toEqual(text(greedy, 30, 0));
});

test("a long prompt is fed in chunks", async () => {
  const prompt = Int32Array.from({ length: 150 }, (_, at) => (at * at) % 13);
  const stream = await (await modelOf("CharLM")).stream({ batch: 1 });
  for (const id of prompt.subarray(0, -1)) await stream.feed({ tokens: Int32Array.of(id) });
  const ids = await stream.generate({ steps: 9, prompt: prompt.subarray(-1) });
  expect(stream.past).toBe(158);
  expect([...(await generated("CharLM", { steps: 9, prompt }, 1))]).toEqual([...ids]);
  stream.destroy();
});

test("ids arrive in parts, in order", async () => {
  const parts: { readonly ids: Int32Array; readonly from: number }[] = [];
  const steps = 40;
  const ids = await generated("CharLM", { steps, prompt: PROMPTS, onTokens: (ids, from) => parts.push({ ids, from }) });
  expect(parts.length).toBeGreaterThan(1);
  for (let row = 0; row < B; row++) {
    expect(parts.flatMap((part) => text(part.ids, part.ids.length / B, row))).toEqual(text(ids, steps, row));
  }
  expect(parts.map(({ from }) => from)).toEqual(
    parts.map((_, at) => parts.slice(0, at).reduce((sum, part) => sum + part.ids.length / B, 0)),
  );
  const failing = generated("CharLM", {
    steps,
    prompt: PROMPTS,
    onTokens: () => {
      throw new Error("enough");
    },
  });
  await expect(failing).rejects.toThrow("enough");
});

test("a row ends at a stop id; no steps are made once all have ended; what has ended stays ended", async () => {
  const steps = 300;
  const options = { steps, prompt: PROMPTS, seed: 3 };
  const free = await generated("CharLM", options);
  const stop = [free[7], free[steps + 20]];
  const ended = Array.from({ length: B }, (_, row) => {
    const own = text(free, steps, row);
    const end = own.findIndex((id) => stop.includes(id));
    return own.map((id, at) => (at > end ? own[end] : id));
  });
  const stream = await (await modelOf("CharLM")).stream({ batch: B });
  expect([...(await stream.generate({ ...options, stop }))]).toEqual(ended.flat());
  const { past } = stream;
  expect(past).toBeLessThan(100);
  const more = await stream.generate({ steps: 5, stop });
  expect([...more]).toEqual(ended.flatMap((row) => Array.from({ length: 5 }, () => row[steps - 1])));
  expect(stream.past).toBe(past);
  // From a prompt on, rows begin again.
  const again = await stream.generate({ steps: 20, seed: 3, prompt: PROMPTS[0] });
  expect(new Set(again).size).toBeGreaterThan(3);
  stream.destroy();
});

test.each<[Partial<GenerateOptions>, string]>([
  [{ steps: 0 }, "`steps` must be a whole number above zero, not 0"],
  [{ prompt: undefined }, "`prompt` is missing: there are no ids of an earlier `generate`"],
  [{ prompt: new Int32Array() }, "`prompt` is empty"],
  [{ prompt: PROMPTS.slice(1) }, "`prompt` has 2 texts and the batch is 3"],
  [{ prompt: [...PROMPTS.slice(1), Int32Array.of(1)] }, "5 ids in row 0 and 1 in row 2: all are to be of one length"],
  [{ prompt: Int32Array.of(1, 13) }, "input `tokens` is 13 at [0, 1]: values go from 0 to 12"],
  [{ stop: 13 }, "`stop` has 13: ids go from 0 to 12"],
  [{ output: "tokens" }, "CharLM has the outputs of 13 logits a step `logits`: name one of them as `output`"],
  [{ temperature: -1 }, "`temperature` must be 0 or"],
])("%o is refused, and nothing happens", async (options, message) => {
  const stream = await (await modelOf("CharLM")).stream({ batch: B });
  await expect(stream.generate({ steps: 4, prompt: PROMPTS, ...options })).rejects.toThrow(message);
  expect(stream.past).toBe(0);
  stream.destroy();
});

test("after steps of one's own a prompt is needed", async () => {
  const stream = await (await modelOf("CharLM")).stream({ batch: B });
  await stream.generate({ steps: 2, prompt: PROMPTS });
  await stream.step({ tokens: Int32Array.of(1, 2, 3) });
  await expect(stream.generate({ steps: 2 })).rejects.toThrow("`prompt` is missing");
  stream.destroy();
});

test.each([
  [
    "input x: [T]  output y = x  loss sum(x)",
    "M cannot feed itself: a step needs an id and nothing else, and this model is given `x`",
  ],
  [
    "input a: [T] id(3), b: [T] id(3)  param E: [3, 3] ~ normal  y[t, v] = E[a[t], v] * E[b[t], v]  output y  loss sum(y)",
    "is given `a`, `b`",
  ],
  [
    "input a: [T] id(3)  param E: [3, 4] ~ normal  y[t, v] = E[a[t], v]  output y  loss sum(y)",
    "M cannot feed itself: it has no outputs of 3 logits a step",
  ],
  [
    "input a: [T] id(3)  param E: [3, 3] ~ normal  y[t, v] = E[a[t], v]  z = 2 * y  output y, z  loss sum(y)",
    "M has the outputs of 3 logits a step `y`, `z`: name one of them as `output`",
  ],
])("a model that cannot feed itself says why: %s", async (body, message) => {
  const model = await Model.create(await testDevice(), compileText(`model M { ${body} }`).manifest);
  const stream = await model.stream({ batch: 1 });
  await expect(stream.generate({ steps: 1, prompt: Int32Array.of(1) })).rejects.toThrow(message);
  model.destroy();
});

test("one of several outputs can be named", async () => {
  const body =
    "input a: [T] id(5)  param E: [5, 5] ~ normal  y[t, v] = E[a[t], v]  z = -1 * y  output y, z  loss sum(y)";
  const model = await Model.create(await testDevice(), compileText(`model M { ${body} }`).manifest);
  const { E } = await model.parameters();
  const stream = await model.stream({ batch: 1 });
  const ids = await stream.generate({ steps: 1, temperature: 0, prompt: Int32Array.of(2), output: "z" });
  const row = [...E.subarray(10, 15)];
  expect([...ids]).toEqual([row.indexOf(Math.min(...row))]);
  model.destroy();
});
