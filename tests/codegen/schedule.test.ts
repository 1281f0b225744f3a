/** @file What the schedule promises of a whole model, without a device. */

import { expect, test } from "vitest";
import { compile } from "../../src/compile.js";
import { present } from "../../src/support/assert.js";
import { hostOf } from "../check/host.js";

test.each(["std/rnn", "std/lstm", "std/gru"])("a character model of %s trains in at most 25 dispatches", (cell) => {
  const name = cell.slice("std/".length).toUpperCase();
  const text = hostOf({}).read("std/char-lm") ?? "";
  const host = hostOf({ "model.seq": text.replace("std/lstm", cell).replaceAll("LSTM", name) });
  const { models, diagnostics } = compile({ files: ["model.seq"], host, verify: true });
  expect(diagnostics).toEqual([]);
  const train = present(models[0].manifest.programs.train, "test", "train");
  expect(train.dispatches.length).toBeLessThanOrEqual(25);
  // One loop forward and one back, and nothing in the list depends on the length.
  expect(train.dispatches.filter(({ kernel }) => kernel.startsWith("scan_"))).toHaveLength(2);
});
