/** @file PyTorch's names of a model's parameters. */

import { expect, test } from "vitest";
import { torchNames } from "../../runtime/torch-names.js";

test("parameters of recurrent cells are numbered by layer, others have the names of PyTorch's modules", () => {
  const names = {
    "embed.W": "embed.weight",
    "rnn.0.W_ih": "rnn.weight_ih_l0",
    "rnn.1.b_hh": "rnn.bias_hh_l1",
    "cell.W_hh": "cell.weight_hh_l0",
    W_ih: "weight_ih_l0",
    "block.3.norm.gain": "block.3.norm.weight",
    "block.3.norm.shift": "block.3.norm.bias",
    "head.b": "head.bias",
    "ssm.A_log": "ssm.A_log",
  };
  expect(torchNames(Object.keys(names))).toEqual(Object.values(names));
});

test("two parameters of one name there are refused", () => {
  expect(() => torchNames(["a.W", "a.gain"])).toThrow("both `a.W` and `a.gain` `a.weight`");
});
