import { describe, expect, it } from "vitest";
import { suggest } from "../../src/diagnostics/suggest.js";

describe("suggest", () => {
  it.each([
    ["W_hx", ["W_ih", "W_hh", "b_hh"], "W_hh"],
    ["sigmiod", ["sign", "sigmoid", "silu"], "sigmoid"],
    ["lstm", ["GRU", "LSTM", "list"], "LSTM"],
    ["Liner", ["Linear", "Lines"], "Linear"],
    ["hidden_stat", ["hidden_state", "hidden"], "hidden_state"],
    ["H", ["h", "K"], "h"],
  ])("finds %s in %j", (name, candidates, nearest) => {
    expect(suggest(name, candidates)).toBe(nearest);
  });

  it.each([
    ["x", ["y", "z"]],
    ["tanh", ["softplus", "W_hh"]],
    ["dt", ["dropout", "ab"]],
    ["anything", []],
  ])("finds nothing near %s in %j", (name, candidates) => {
    expect(suggest(name, candidates)).toBeUndefined();
  });
});
