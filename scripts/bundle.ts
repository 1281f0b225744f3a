/**
 * Second half of `npm run build`: puts the executable `seqc` into one file, over that of the type checker. A command is
 * short, and Node would spend half of it opening hundreds of files, those of the parser's library above all. What has
 * files of its own, or loads fast, stays a package.
 */

import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** Packages that come into the file, with all that they import. */
const BUNDLED = ["chevrotain"];
const EXECUTABLE = "dist/src/cli/main.js";

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const { dependencies, optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as Package;
const { metafile } = await build({
  entryPoints: ["src/cli/main.ts"],
  outfile: EXECUTABLE,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  external: Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !BUNDLED.includes(name)),
  sourcemap: true,
  metafile: true,
});
chmodSync(EXECUTABLE, 0o755);

// Their licences want to go where their code goes.
const folders = Object.keys(metafile.inputs).flatMap(
  (file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
);
const licences = [...new Set(folders)].sort().map((folder) => {
  const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} has no licence beside it`);
  return `${name}\n\n${readFileSync(join(folder, file), "utf8")}`;
});
writeFileSync(`${EXECUTABLE}.LICENSES.txt`, licences.join(`\n${"-".repeat(80)}\n\n`));
