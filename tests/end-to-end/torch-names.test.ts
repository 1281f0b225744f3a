/** @file A model takes the state dict of PyTorch's modules of the same shape, computes the same, and gives one back. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Model } from "../../runtime/model.js";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/safetensors.js";
import type { FixtureArray } from "../fixtures/torch.js";
import { compileText, relativeError } from "../support/compiled.js";
import { testDevice } from "../support/device.js";

interface StateDictFixture {
  readonly tokens: FixtureArray;
  readonly stateDict: Readonly<Record<string, FixtureArray>>;
  readonly logits: FixtureArray;
}

const { tokens, stateDict, logits } = JSON.parse(
  readFileSync("tests/fixtures/torch/state-dict.json", "utf8"),
) as StateDictFixture;

const { manifest } = compileText(`
import { Embedding } from "std/embedding"
import { LSTM } from "std/lstm"
import { LayerNorm } from "std/layer-norm"
import { Linear } from "std/linear"
model Stacked(V = 7, H = 4, L = 2) {
  input tokens: [T] id(V)
  target next: [T] id(V)
  use embed = Embedding(V, H), rnn[L] = LSTM(H, H), norm = LayerNorm(H), head = Linear(H, V)
  logits = head(norm(chain scan rnn(embed(tokens))))
  output logits
  loss cross_entropy(logits, next)
}`);

const tensors = new Map(
  Object.entries(stateDict).map(([name, { shape, data }]) => [name, { shape, values: Float32Array.from(data) }]),
);
const file = encodeSafetensors({ tensors, metadata: new Map() });
const [batch, length] = tokens.shape;

test("a state dict of PyTorch's is loaded, and saved again under its names", async () => {
  const model = await Model.create(await testDevice(), manifest);
  model.load(file);
  const outputs = await model.predict({ tokens: Int32Array.from(tokens.data) }, { batch, length });
  expect(relativeError(outputs.logits, logits.data)).toBeLessThan(1e-5);
  const saved = decodeSafetensors(await model.save({ names: "torch" }));
  expect(new Map([...saved.tensors].toSorted())).toEqual(new Map([...tensors].toSorted()));
  model.destroy();
});

test("of a state dict of another shape all that differs is told, and nothing taken", async () => {
  const model = await Model.create(await testDevice(), manifest);
  const before = await model.parameters();
  const changed = new Map(tensors);
  changed.delete("rnn.weight_hh_l1");
  changed.set("head.bias", { shape: [3], values: Float32Array.of(1, 2, 3) });
  changed.set("rnn.weight_hr_l0", { shape: [1], values: Float32Array.of(1) });
  const load = () => model.load(encodeSafetensors({ tensors: changed, metadata: new Map() }));
  expect(load).toThrow("`rnn.1.W_hh` is missing");
  expect(load).toThrow("`head.b` has the shape [3] and needs [7]");
  expect(load).toThrow("`rnn.weight_hr_l0` is unknown");
  expect(await model.parameters()).toEqual(before);
  model.destroy();
});

test("a file of another spec is refused, unless that is asked for", async () => {
  const text = (f: string) =>
    `model M(D = 3) { input x: [D] target t: [D] param w: [D] ~ uniform(1, 2) y = ${f}(w * x) output y loss mse(y, t) }`;
  const device = await testDevice();
  const [one, same, other] = await Promise.all(
    [text("tanh"), `/// Documented.\n${text("tanh")} // alike`, text("sigmoid")].map((each) =>
      Model.create(device, compileText(each).manifest),
    ),
  );
  const bytes = await one.save();
  same.load(bytes);
  expect(() => other.load(bytes)).toThrow("it was saved by M of the spec");
  other.load(bytes, { anySpec: true });
  expect(await other.parameters()).toEqual(await one.parameters());
  for (const model of [one, same, other]) model.destroy();
});
