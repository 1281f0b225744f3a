/** @file Where source texts come from: files, the standard library, or a table in a test or a browser. */

export interface SourceHost {
  /** The text of a file by its resolved name; undefined if there is none. */
  read(name: string): string | undefined;
  /** The resolved name of what the file `from` imports as `specifier`; undefined if that cannot name a file. */
  resolve(from: string, specifier: string): string | undefined;
}
