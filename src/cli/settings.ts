/** @file Refuses a `--set` that no model listens to; the compiler alone would ignore it. */

import { didYouMean } from "../diagnostics/suggest.js";
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
  const help = didYouMean(unknown, known) ?? (known.length > 0 ? `there are ${[...new Set(known)].join(", ")}` : "");
  throw new CommandError(`--set ${unknown}: no model has that parameter${help === "" ? "" : `; ${help}`}`);
}
