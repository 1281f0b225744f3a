/** @file Sources from a table, with the standard library of the package behind it. */

import type { SourceHost } from "../../src/check/host.js";
import { standardFile } from "./standard-files.js";

export function hostOf(files: Readonly<Record<string, string>>): SourceHost {
  return {
    read(name) {
      if (Object.hasOwn(files, name)) return files[name];
      return name.startsWith("std/") ? standardFile(name.slice("std/".length)) : undefined;
    },
    resolve(_from, specifier) {
      if (specifier.startsWith("std/")) return specifier;
      return specifier.startsWith("./") ? specifier.slice(2) : undefined;
    },
  };
}
