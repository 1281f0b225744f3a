import { describe, expect, it } from "vitest";
import { didYouMean, suggest } from "../../src/diagnostics/suggest.js";

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

  it("phrases the help", () => {
    expect(didYouMean("W_hx", ["W_hh"])).toBe("did you mean `W_hh`?");
    expect(didYouMean("q", ["W_hh"])).toBeUndefined();
  });
});
