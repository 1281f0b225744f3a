/** @file The standard library's texts, from the disk. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const specs = fileURLToPath(new URL("../../specs/", import.meta.url));

export function standardFile(name: string): string | undefined {
  const path = ["cells", "layers", "models"]
    .map((folder) => `${specs}${folder}/${name}.seq`)
    .find((each) => existsSync(each));
  return path && readFileSync(path, "utf8");
}
