/** @file The compiler's view of this machine's files: the user's texts, and the standard library beside the compiler. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SourceHost } from "../check/host.js";
import { invariant } from "../support/assert.js";

/** The folder of seqc's own package.json, found alike from `src/` and from `dist/src/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    invariant(parent !== folder, "cli", "the package has no package.json");
    folder = parent;
  }
  return folder;
}

/** Where the files of `std/NAME` lie under the package. */
const STANDARD_LIBRARY = ["cells", "layers", "models"];

/**
 * Names are paths as the user gave them, with forward slashes, or `std/NAME`. An import is relative to the file it
 * stands in, or names one of the standard library.
 */
export function nodeHost(specs = join(packageRoot(), "specs")): SourceHost {
  const pathOf = (name: string): string | undefined =>
    name.startsWith("std/")
      ? STANDARD_LIBRARY.map((folder) => join(specs, folder, `${name.slice(4)}.seq`)).find((path) => existsSync(path))
      : name;
  return {
    read(name) {
      const path = pathOf(name);
      return path === undefined ? undefined : readIfThere(path);
    },
    resolve(from, specifier) {
      if (specifier.startsWith("std/")) return pathOf(specifier) === undefined ? undefined : specifier;
      if (!/^\.\.?\//.test(specifier)) return undefined;
      if (from.startsWith("std/")) return `std/${specifier.replace(/^\.\//, "").replace(/\.seq$/, "")}`;
      return join(dirname(from), specifier).replaceAll("\\", "/");
    },
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
