/** @file Checks of options that are plain data: one message names the option and says what it may be. */

/** @throws RangeError unless `value` is a finite number from `least` to `most`, both included. */
export function checkNumber(name: string, value: number, least: number, most = Number.POSITIVE_INFINITY): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= least && value <= most) return value;
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new RangeError(`\`${name}\` must be a finite number ${range}, not ${String(value)}`);
}

/** @throws RangeError unless `value` is a whole number of at least `least`. */
export function checkWhole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`\`${name}\` must be a whole number of at least ${least}, not ${String(value)}`);
}

/** @throws TypeError unless `value` is true or false. */
export function checkBoolean(name: string, value: boolean): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`\`${name}\` must be true or false, not ${String(value)}`);
}

/** @throws RangeError naming the choices. */
export function checkOneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new RangeError(`\`${name}\` must be ${quoted(choices, '"')}, not ${JSON.stringify(value)}`);
}

/** @throws TypeError about the first field of `given` that is none of `known`. */
export function checkFields(name: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  throw new TypeError(`unknown option \`${name}.${unknown}\`: there is ${quoted(known, "`")}`);
}

function quoted(words: readonly string[], quote: string): string {
  const each = words.map((word) => quote + word + quote);
  return each.length === 1 ? each[0] : `${each.slice(0, -1).join(", ")} or ${each[each.length - 1]}`;
}
