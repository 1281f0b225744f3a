/** @file Indented text, for the IR printer, the WGSL printer, the module emitter and the formatter. */

export class Writer {
  readonly #lines: string[] = [];
  #depth = 0;

  constructor(readonly indent = "  ") {}

  /** Adds one or more lines at the present depth; an empty line carries no indent. */
  line(text = ""): this {
    const indent = this.indent.repeat(this.#depth);
    // Most are one line, and there are many.
    if (!text.includes("\n")) this.#lines.push(text && indent + text);
    else for (const part of text.split("\n")) this.#lines.push(part && indent + part);
    return this;
  }

  /** Adds a text whose first line alone is indented: the rest must stay as it is. */
  raw(text: string): this {
    this.#lines.push(this.indent.repeat(this.#depth) + text);
    return this;
  }

  /** `open`, the body one level deeper, `close`. */
  block(open: string, close: string, body: () => void): this {
    this.line(open);
    this.#depth++;
    body();
    this.#depth--;
    return this.line(close);
  }

  toString(): string {
    return this.#lines.length === 0 ? "" : `${this.#lines.join("\n")}\n`;
  }
}
