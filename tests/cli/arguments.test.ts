import { describe, expect, it } from "vitest";
import { collectSetting, kebabCase, realNumber, wholeNumber } from "../../src/cli/arguments.js";
import { CommandError, EXIT } from "../../src/cli/exit.js";

describe("wholeNumber", () => {
  const parse = wholeNumber("--steps", 1);

  it("reads whole numbers from the least on", () => {
    expect(["1", "17", "4294967295"].map(parse)).toEqual([1, 17, 4294967295]);
  });

  it.each(["0", "-3", "1.5", "1e3", "", "abc", "4294967296", "0x10"])("refuses %j and names the option", (text) => {
    expect(() => parse(text)).toThrow(CommandError);
    expect(() => parse(text)).toThrow(/--steps/);
  });
});

describe("realNumber", () => {
  it("reads decimals and exponents", () => {
    expect(realNumber("--lr", "positive")("3e-4")).toBe(3e-4);
    expect(realNumber("--clip", "non-negative")("0")).toBe(0);
  });

  it.each(["0", "-1", "nan", "Infinity", "", " "])("refuses %j as a learning rate", (text) => {
    expect(() => realNumber("--lr", "positive")(text)).toThrow(/--lr wants a positive number/);
  });
});

describe("collectSetting", () => {
  it("collects in order", () => {
    expect(collectSetting("E=-3", collectSetting("H=256"))).toEqual({ H: 256, E: -3 });
    expect(collectSetting("dropout=0.1", { H: 2 })).toEqual({ H: 2, dropout: 0.1 });
  });

  it.each(["H", "H=", "H=1.5", "=3", "H=abc", "H=1e3", "4H=3", "p=", "p=x", "p=Infinity"])(
    "refuses %j as wrong usage",
    (text) => {
      expect(() => collectSetting(text)).toThrow(expect.objectContaining({ exitCode: EXIT.usage }));
    },
  );

  it("refuses a name given twice, also one that every object has", () => {
    expect(() => collectSetting("H=2", { H: 1 })).toThrow(/--set H is given twice/);
    expect(collectSetting("toString=2", {})).toEqual({ toString: 2 });
  });
});

describe("kebabCase", () => {
  it.each([
    ["CharLM", "char-lm"],
    ["MLPClassifier2", "mlp-classifier2"],
    ["S4", "s4"],
    ["Seq2Seq", "seq2-seq"],
    ["two_words", "two-words"],
  ])("%s becomes %s", (name, file) => {
    expect(kebabCase(name)).toBe(file);
  });
});
