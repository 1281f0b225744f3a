/** @file What the catalogue says of one code. */

export interface CatalogueEntry {
  /** A few words, as a heading. */
  readonly title: string;
  /**
   * One paragraph for `seqc explain-error` and docs/diagnostics.md: what is wrong, why the language asks for it, what to
   * write instead.
   */
  readonly explanation: string;
}

export type Family<Digit extends 1 | 2 | 3 | 4 | 5 | 9> = Readonly<Record<`SEQ${Digit}${number}`, CatalogueEntry>>;
