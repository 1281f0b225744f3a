/** @file Refuses a `--set` that no model listens to; the compiler alone would ignore it. */

import { suggest } from "../diagnostics/suggest.js";
import { parse } from "../parser/parse.js";
import { CommandError } from "./exit.js";
import { readText } from "./files.js";

/** @throws CommandError for a setting that is the parameter of no model in `files`. */
export function requireKnownSettings(files: readonly string[], set: Readonly<Record<string, number>>): void {
  const known = files.flatMap((name) =>
    parse({ name, text: readText(name) }).unit.declarations.flatMap((declaration) =>
      declaration.kind === "model" ? declaration.parameters.map(({ name }) => name.name) : [],
    ),
  );
  const unknown = Object.keys(set).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = suggest(unknown, known);
  const all = [...new Set(known)].join(", ");
  const help = near === undefined ? (all === "" ? "" : `; there are ${all}`) : `; did you mean ${near}?`;
  throw new CommandError(`--set ${unknown}: no model has that parameter${help}`);
}
