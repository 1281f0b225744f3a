/** @file Sources from a table, with the standard library of the package behind it. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { SourceHost } from "../../src/check/host.js";

const specs = fileURLToPath(new URL("../../specs/", import.meta.url));

function standardFile(name: string): string | undefined {
  const file = name.slice("std/".length);
  return ["cells", "layers", "models"]
    .map((folder) => `${specs}${folder}/${file}.seq`)
    .find((path) => existsSync(path));
}

export function hostOf(files: Readonly<Record<string, string>>): SourceHost {
  return {
    read(name) {
      if (Object.hasOwn(files, name)) return files[name];
      const path = name.startsWith("std/") ? standardFile(name) : undefined;
      return path === undefined ? undefined : readFileSync(path, "utf8");
    },
    resolve(_from, specifier) {
      if (specifier.startsWith("std/")) return specifier;
      return specifier.startsWith("./") ? specifier.slice(2) : undefined;
    },
  };
}
