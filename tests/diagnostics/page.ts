/** @file Reads the specs out of docs/diagnostics.md, and makes that page from them, the catalogue and the compiler's messages. */

import { compile } from "../../src/compile.js";
import { catalogue, type DiagnosticCode, isDiagnosticCode } from "../../src/diagnostics/catalogue.js";
import type { Diagnostic } from "../../src/diagnostics/diagnostic.js";
import { renderText } from "../../src/diagnostics/render.js";
import { hostOf } from "../check/host.js";

const families: Readonly<Record<string, string>> = {
  SEQ1: "Syntax",
  SEQ2: "Names",
  SEQ3: "Shapes and types",
  SEQ4: "States, primes and scans",
  SEQ5: "Differentiation",
  SEQ9: "Faults and gaps of the compiler",
};

/** Codes that have no spec, and why. */
export const unprovoked: Partial<Record<DiagnosticCode, string>> = {
  SEQ5003: "No spec is wrong by itself: an option asks for it. The message says what stands in the way, and where.",
  SEQ9001: "There is no spec of it: a text that is known to cause one is a defect to be mended.",
};

export const codes = Object.keys(catalogue).filter(isDiagnosticCode);

export interface Section {
  readonly code: string;
  readonly title: string;
  /** The prose up to the first spec, on one line. */
  readonly text: string;
  /** The one that fails, then the repaired one. */
  readonly specs: readonly string[];
}

/** What stands in front of the first family, and the sections in the order written. */
export function readPage(page: string): { readonly intro: string; readonly sections: readonly Section[] } {
  const [intro] = page.split(/^(?=###? )/m, 1);
  const parts = page.split(/^### /m).slice(1);
  const sections = parts.map((part): Section => {
    const [heading, ...rest] = part.split(/^## /m, 1)[0].split("\n");
    const body = rest.join("\n");
    return {
      code: heading.slice(0, heading.indexOf(":")),
      title: heading.slice(heading.indexOf(":") + 2),
      text: body.split("```", 1)[0].trim().replace(/\s+/g, " "),
      specs: [...body.matchAll(/^```seq\n([\s\S]*?)^```$/gm)].map(([, text]) => text),
    };
  });
  return { intro, sections };
}

/** What the compiler says of the file `spec.seq`. */
export function diagnosticsOf(text: string): readonly Diagnostic[] {
  return compile({ files: ["spec.seq"], host: hostOf({ "spec.seq": text }), verify: true }).diagnostics;
}

/** The page as it should be, with the specs and the introduction of `page`. */
export function makePage(page: string): string {
  const { intro, sections } = readPage(page);
  const parts = codes.map((code, i) => {
    const family = code.slice(0, 4);
    const heading = codes[i - 1]?.startsWith(family) ? "" : `## ${families[family]}\n\n`;
    return heading + makeSection(code, sections.find((section) => section.code === code)?.specs ?? []);
  });
  return [intro.trimEnd(), ...parts].join("\n\n").concat("\n");
}

function makeSection(code: DiagnosticCode, specs: readonly string[]): string {
  const { title, explanation } = catalogue[code];
  const heading = `### ${code}: ${title}\n\n${wrap(explanation)}`;
  const reason = unprovoked[code];
  if (reason !== undefined) return `${heading}\n\n${wrap(reason)}`;
  const [failing = "", repaired = ""] = specs;
  const said = diagnosticsOf(failing).map((found) => renderText(found));
  return [
    heading,
    fence("seq", failing),
    fence("text", `${said.join("\n\n")}\n`),
    "Repaired:",
    fence("seq", repaired),
  ].join("\n\n");
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\`\`\``;
}

/** Lines of at most 120 characters. */
function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 120) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}
