/** @file The tokens of the IR's text form, with the place of each for error messages. */

type TokenKind = "number" | "word" | "text" | "value" | "mark" | "end";

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
}

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ["number", /-(?:inf|\d[\d.]*(?:e[+-]?\d+)?)|\d[\d.]*(?:e[+-]?\d+)?/y],
  ["word", /[A-Za-z_][\w.]*/y],
  ["text", /"(?:[^"\\\n]|\\.)*"/y],
  ["value", /%\d+/y],
  ["mark", /[{}[\]():,=~]/y],
];

/** Reads tokens one by one; every method that finds something else throws an Error that begins with line:column. */
export class Scanner {
  #position = 0;
  #token: Token = { kind: "end", text: "", start: 0 };

  constructor(readonly source: string) {
    this.#advance();
  }

  /** Where the token at hand begins. */
  get position(): number {
    return this.#token.start;
  }

  /** Throws an Error about the token at hand, or about the one at `position`. */
  fail(message: string, position = this.position): never {
    const before = this.source.slice(0, position).split("\n");
    throw new Error(`${before.length}:${before[before.length - 1].length + 1}: ${message}`);
  }

  /** Whether the token at hand is this mark or bare word. */
  at(text: string): boolean {
    return this.#token.text === text && (this.#token.kind === "mark" || this.#token.kind === "word");
  }

  atKind(kind: TokenKind): boolean {
    return this.#token.kind === kind;
  }

  /** Skips this mark or bare word if it is at hand. */
  accept(text: string): boolean {
    const found = this.at(text);
    if (found) this.#advance();
    return found;
  }

  /** As `accept`, where something other than white space follows. */
  acceptTight(text: string): boolean {
    return !/\s/.test(this.source.charAt(this.#position)) && this.accept(text);
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`expected ${text}, found ${this.#token.text || "the end"}`);
  }

  /** A name, bare or quoted. */
  word(): string {
    return this.atKind("text") ? this.text() : this.#take("word", "a name");
  }

  /** One of the given words. */
  oneOf<T extends string>(words: readonly T[]): T {
    const found = words.find((w) => this.at(w));
    if (found === undefined) this.fail(`expected ${words.join(" or ")}, found ${this.#token.text || "the end"}`);
    this.#advance();
    return found;
  }

  /** A JSON string. */
  text(): string {
    const parsed = this.atKind("text") ? parseString(this.#token.text) : undefined;
    if (parsed === undefined) this.fail(`expected a JSON string, found ${this.#token.text || "the end"}`);
    this.#advance();
    return parsed;
  }

  number(): number {
    const special = { inf: Infinity, "-inf": -Infinity, nan: NaN }[this.#token.text];
    const value = special ?? (this.atKind("number") ? Number(this.#token.text) : undefined);
    if (value === undefined || (special === undefined && Number.isNaN(value))) this.fail("expected a number");
    this.#advance();
    return value;
  }

  /** The number of a value: 12 of `%12`. */
  value(): number {
    return Number(this.#take("value", "a value").slice(1));
  }

  /** Items with commas between them. */
  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.accept(",")) items.push(item());
    return items;
  }

  #take(kind: TokenKind, what: string): string {
    const { text } = this.#token;
    if (this.#token.kind !== kind) this.fail(`expected ${what}, found ${text || "the end"}`);
    this.#advance();
    return text;
  }

  #advance(): void {
    this.#token = this.#scan();
  }

  #scan(): Token {
    while (/\s/.test(this.source.charAt(this.#position))) this.#position++;
    const start = this.#position;
    if (start >= this.source.length) return { kind: "end", text: "", start };
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = start;
      const text = pattern.exec(this.source)?.[0];
      if (text === undefined) continue;
      this.#position += text.length;
      return { kind, text, start };
    }
    return this.fail(`unexpected ${this.source.charAt(start)}`, start);
  }
}

/** The string that a JSON literal stands for, or undefined where an escape is wrong. */
function parseString(literal: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(literal);
    return typeof parsed === "string" ? parsed : undefined;
  } catch {
    return undefined;
  }
}
