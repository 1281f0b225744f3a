/** @file Lowers what has several results: parts of an array, layers mapped over leading axes, cells scanned. */

import type { Call, LayerCall, SplitCall } from "../check/typed.js";
import type { Environment } from "./environment.js";
import { closeLabels, type Labelled, openAxes, ownShape } from "./labelled.js";
import { lowerScan } from "./scans.js";

/** The results of a call, which is made once however often they are read. */
export function lowerCall(env: Environment, call: Call): readonly Labelled[] {
  const known = env.calls.get(call);
  if (known !== undefined) return known;
  const results = makeCall(env, call);
  env.calls.set(call, results);
  return results;
}

function makeCall(env: Environment, call: Call): readonly Labelled[] {
  switch (call.kind) {
    case "split":
      return lowerSplit(env, call);
    case "layer":
      return lowerLayer(env, call);
    case "scan":
      return lowerScan(env, call);
  }
}

function lowerSplit(env: Environment, { arg, sizes }: SplitCall): readonly Labelled[] {
  const { value, labels } = env.lower(arg);
  const axis = value.type.shape.length - 1;
  let start = 0;
  return sizes.map((size) => {
    const part = env.builder.slice(value, axis, start, size);
    start += size;
    return { value: part, labels };
  });
}

/** The layer's steps see one place of the mapped axes, which are labels for them. */
function lowerLayer(env: Environment, { block, args, mapped, lengths }: LayerCall): readonly Labelled[] {
  const labels = mapped.map((dim) => env.labels.next(dim.text, env.dim(dim)));
  const inner = env.inside(lengths);
  for (const [i, input] of block.inputs.entries()) {
    const arg = env.lower(args[i]);
    const axes = input.type.kind === "array" ? input.type.axes.length : 0;
    inner.values.set(input, ownShape(arg).length > axes ? openAxes(arg, labels) : arg);
  }
  inner.lowerSteps(block, "prelude");
  inner.lowerSteps(block, "steps");
  return block.outputs.map(({ value }) => closeLabels(env.builder, inner.lower(value), labels));
}
