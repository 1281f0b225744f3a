/**
 * @file The TypeScript samples of a page as modules. Comments that no reader sees say what a page's samples share:
 *
 * - `<!-- seqc compile SPEC … -->` makes `./generated/NAME.js`, which samples import; `above` is the last spec on the page before it;
 * - `<!-- preamble … -->` is code whose names the samples below it, up to the next preamble, may use;
 * - `<!-- run -->` in front of a sample has it run, in a folder with the file `book.txt`.
 *
 * A sample stands in an async function, so it may await and need not be whole. Of a preamble it sees the names that are declared, not
 * the imports, and `device`.
 */

import ts from "typescript";

export interface Sample {
  /** `docs/training.md:12`: the line of its first line, from 1. */
  readonly place: string;
  /** Of its module, without ending. */
  readonly name: string;
  readonly module: string;
  readonly runs: boolean;
}

export interface Command {
  /** Of `seqc`. */
  readonly args: readonly string[];
  /** The spec that `above` means. */
  readonly above: string;
}

export interface Page {
  /** Of the page, for a folder of its modules. */
  readonly title: string;
  readonly commands: readonly Command[];
  readonly samples: readonly Sample[];
  /** Modules by name. */
  readonly preambles: ReadonlyMap<string, string>;
}

const PARTS =
  /^<!-- (seqc compile [^>]*) -->$|^<!-- preamble\n([\s\S]*?)^-->$|(^<!-- run -->\n+)?^```ts\n([\s\S]*?)^```$/gm;

const SPECS = /^```seq\n([\s\S]*?)^```$/gm;

export function readPage(path: string, text: string): Page {
  const title = path.replaceAll("/", "-").replace(/\.md$/, "");
  const commands: Command[] = [];
  const samples: Sample[] = [];
  let preamble = { name: "preamble-0", code: "" };
  const preambles = new Map<string, string>([[preamble.name, preambleModule("")]]);
  for (const { index, 0: all, 1: command, 2: shared, 3: run, 4: code } of text.matchAll(PARTS)) {
    if (command !== undefined) {
      const above = [...text.slice(0, index).matchAll(SPECS)].at(-1)?.[1] ?? "";
      commands.push({ args: command.split(" ").slice(1), above });
    } else if (shared !== undefined) {
      preamble = { name: `preamble-${preambles.size}`, code: shared };
      preambles.set(preamble.name, preambleModule(shared));
    } else {
      const line = text.slice(0, index + all.indexOf("```ts\n")).split("\n").length + 1;
      const module = sampleModule(code, preamble);
      samples.push({ place: `${path}:${line}`, name: `line-${line}`, module, runs: run !== undefined });
    }
  }
  return { title, commands, samples, preambles };
}

const parse = (code: string) => ts.createSourceFile("sample.ts", code, ts.ScriptTarget.Latest, true);

/** Imports, and the rest with its lines where they were. */
function split(code: string): { readonly imports: string; readonly rest: string } {
  let [imports, rest] = ["", code];
  for (const statement of parse(code).statements.filter(ts.isImportDeclaration)) {
    const text = statement.getText();
    imports += `${text.replace(/\s+/g, " ")} `;
    rest = rest.replace(text, "\n".repeat(text.split("\n").length - 1));
  }
  return { imports, rest };
}

/** What is declared on the top level. */
function namesOf(code: string): readonly string[] {
  const bound = (name: ts.BindingName): readonly string[] =>
    ts.isIdentifier(name)
      ? [name.text]
      : name.elements.flatMap((each) => (ts.isBindingElement(each) ? bound(each.name) : []));
  return parse(code).statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap(({ name }) => bound(name));
    }
    return ts.isFunctionDeclaration(statement) && statement.name !== undefined ? [statement.name.text] : [];
  });
}

function preambleModule(code: string): string {
  const { imports, rest } = split(code);
  return `${imports}\nexport async function prepare(device: GPUDevice) {\n${rest}\nreturn { ${["device", ...namesOf(code)].join(", ")} };\n}\n`;
}

/** How many lines stand in front of a sample in its module. */
export const LINES_BEFORE = 4;

function sampleModule(code: string, preamble: { readonly name: string; readonly code: string }): string {
  const { imports, rest } = split(code);
  const names = ["device", ...namesOf(preamble.code)].join(", ");
  return [
    `import { prepare } from "./${preamble.name}.js"; ${imports}`,
    "export async function run(given: GPUDevice): Promise<void> {",
    `const { ${names} } = await prepare(given);`,
    "await (async () => {",
    `${rest}})();`,
    "}",
    "",
  ].join("\n");
}
