/** @file Turns the text of options into values; every refusal is a `CommandError` that names the option. */

import { CommandError } from "./exit.js";

/** A parser for a whole number in `least` … 2³²−1. */
export function wholeNumber(option: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value >= 2 ** 32) {
      throw new CommandError(`${option} wants a whole number from ${least} to 2³²−1, not "${text}"`);
    }
    return value;
  };
}

/** A parser for a finite number above zero, or from zero on. */
export function realNumber(option: string, range: "positive" | "non-negative"): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value < 0 || (range === "positive" && value === 0)) {
      throw new CommandError(`${option} wants a ${range} number, not "${text}"`);
    }
    return value;
  };
}

/** Collects repeated `--set NAME=VALUE`: whole numbers for sizes (in capitals), any for the rest; each name once. */
export function collectSetting(
  text: string,
  previous: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const match = /^([A-Za-z]\w*)=(.*)$/.exec(text);
  if (match === null) throw new CommandError(`--set wants NAME=VALUE, not "${text}"`);
  const [, name, written] = match;
  const value = Number(written);
  if (/^[A-Z]/.test(name) && !/^-?\d+$/.test(written)) {
    throw new CommandError(`--set ${name} wants a whole number, not "${written}"`);
  }
  if (written.trim() === "" || !Number.isFinite(value)) {
    throw new CommandError(`--set ${name} wants a number, not "${written}"`);
  }
  if (Object.hasOwn(previous, name)) throw new CommandError(`--set ${name} is given twice`);
  return { ...previous, [name]: value };
}

/** `CharLM` → `char-lm`, `MLP2Classifier` → `mlp2-classifier`: the file name of a model. */
export function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .replace(/_+/g, "-")
    .toLowerCase();
}
