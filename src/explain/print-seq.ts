/** @file Sections as plain text: comments of the language, then an equation a line. */

import type { Arrival, Heading, Line, Section } from "./explain.js";
import { seqEquation, seqName } from "./seq.js";
import type { Name } from "./term.js";

export function printSeq(sections: readonly Section[]): string {
  return sections.map((section) => `${linesOf(section).join("\n")}\n`).join("\n");
}

function linesOf({ heading, lines }: Section): readonly string[] {
  const comments = headingText(heading, seqName).map((text) => `// ${text}`);
  return [...comments, ...lines.map((line) => seqLine(line, summedOver(heading)))];
}

function seqLine(line: Line, over: string): string {
  if (line.kind === "equation") return seqEquation(line.equation, over);
  return `// ${scanText(line, (names) => names.map(seqName).join(", "))}`;
}

/** What a sum over examples is called: in a cell it runs over the steps as well. */
export function summedOver({ of }: Heading): string {
  return of === "step" ? "t" : "examples";
}

/** Where the derivative of a scan has its place among equations. */
export function scanText(
  { length, reverse, given, gives }: Extract<Line, { readonly kind: "scan" }>,
  show: (names: readonly Name[]) => string,
): string {
  const way = reverse ? "first step to the last" : "last step to the first";
  return `the scan over ${length}, from its ${way}: given ${show(given)}, it gives ${show(gives)}`;
}

/** What a reader must know before the equations. */
export function headingText({ title, of, arrivals }: Heading, show: (name: Name) => string): readonly string[] {
  const where = {
    step: ", step t of the reverse scan, which runs from the last step to the first",
    start: ", before its first step",
    layer: "",
    model: ", around its scans",
  };
  const arriving = arrivals.map((arrival) => `${show(arrival.name)} (${originOf(arrival, of, show)})`).join(", ");
  return [title + where[of], ...(arriving === "" ? [] : [`arriving: ${arriving}`])];
}

function originOf({ name, states, fromOutside }: Arrival, of: Heading["of"], show: (name: Name) => string): string {
  if (of === "start") return "of the first step";
  if (of === "model" && name.text === "loss") return "1";
  const parts = [...states.map((state) => `${show(state)} of step t + 1`), ...(fromOutside ? ["outside"] : [])];
  return parts.length === 0 ? "0" : `from ${parts.join(" and ")}`;
}
