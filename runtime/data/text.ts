/** @file Text as ids, by characters or by bytes, and what is known of it before any training. */

/** Ids 0 … size−1 for the pieces of a text. */
export interface TextCodec {
  readonly size: number;
  /** @throws RangeError at what has no id. */
  encode(text: string): Int32Array;
  decode(ids: Iterable<number>): string;
}

/** The distinct characters (code points) of a text, sorted; a character's id is its place. */
export class Vocabulary implements TextCodec {
  readonly #ids: ReadonlyMap<string, number>;

  /** @throws RangeError for a character that comes twice, or for what is no single character. */
  constructor(readonly characters: readonly string[]) {
    this.#ids = new Map(characters.map((character, id) => [character, id]));
    const bad = characters.find((character, id) => [...character].length !== 1 || this.#ids.get(character) !== id);
    if (bad !== undefined) throw new RangeError(`${JSON.stringify(bad)} is twice in the vocabulary, or no character`);
  }

  /** That of a text. */
  static of(text: string): Vocabulary {
    return new Vocabulary([...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
  }

  get size(): number {
    return this.characters.length;
  }

  /** @throws RangeError naming a character that has no id. */
  encode(text: string): Int32Array {
    return Int32Array.from(text, (character) => {
      const id = this.#ids.get(character);
      if (id === undefined) throw new RangeError(`the character ${JSON.stringify(character)} is not in the vocabulary`);
      return id;
    });
  }

  /** An id that no character has gives nothing. */
  decode(ids: Iterable<number>): string {
    return Array.from(ids, (id) => this.characters[id]).join("");
  }
}

/** The 256 bytes of UTF-8: every text has ids, and ids that are no UTF-8 are read as U+FFFD. */
export const BYTES: TextCodec = {
  size: 256,
  encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
  decode: (ids) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids)),
};

/** The first part to train on, the last `fraction` held out. */
export function holdOut(
  ids: Int32Array,
  fraction = 0.1,
): { readonly training: Int32Array; readonly heldOut: Int32Array } {
  const cut = Math.floor(ids.length * (1 - fraction));
  return { training: ids.subarray(0, cut), heldOut: ids.subarray(cut) };
}

/** Entropy of the ids' frequencies, nats an id: the loss of the best model that ignores context. */
export function unigramEntropy(ids: Int32Array): number {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / ids.length) * Math.log(count / ids.length);
  return entropy;
}
