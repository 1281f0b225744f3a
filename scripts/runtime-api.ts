/**
 * @file `npm run docs:api`: writes docs/runtime-api.md, the reference of `seqc/runtime`, `seqc/runtime/node` and `seqc/data`. Signatures
 * are those of the declarations that TypeScript makes of the sources, texts are their doc comments, so nothing is said twice.
 */

import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../", import.meta.url));
export const PAGE = join(root, "docs/runtime-api.md");

/** What is imported as what. A name that several have is told of the first. */
const ENTRIES = new Map([
  ["seqc/runtime", "runtime/index.ts"],
  ["seqc/runtime/node", "runtime/node.ts"],
  ["seqc/data", "runtime/data/index.ts"],
]);

/** The sections in order, with the files, or folders, of `runtime/` whose exports stand there. */
const SECTIONS: readonly (readonly [title: string, files: readonly string[]])[] = [
  ["Devices", ["device", "node"]],
  ["The model", ["model", "validate", "tuner-cache"]],
  ["Training", ["trainer", "training-options", "parameter-settings", "train-step"]],
  ["Optimizers and schedules", ["optimizer", "schedules"]],
  ["Fit", ["fit-options", "fit-control", "early-stopping", "batches"]],
  ["Evaluation", ["metrics"]],
  ["Streams and sampling", ["stream", "generate", "sampler"]],
  ["Probes", ["probe"]],
  ["Checkpoints", ["checkpoint-store", "checkpoint-store-node", "checkpoint", "safetensors"]],
  ["Faults and memory", ["errors", "lasting-fit", "live-objects", "self-test", "self-test-rule"]],
  [
    "Data: files and arrays",
    [
      "data/arrays",
      "data/read",
      "data/npy",
      "data/npz",
      "data/csv",
      "data/safetensors-arrays",
      "data/idx",
      "data/pixels",
    ],
  ],
  ["Data: batches", ["data/match", "data/dataset", "data/loader", "data/random"]],
  ["Data: text", ["data/text", "data/windows"]],
  ["Data: synthetic tasks", ["data/tasks"]],
  ["The manifest", ["manifest"]],
];

const INTRODUCTION = `# The runtime's API

All that \`seqc/runtime\`, \`seqc/runtime/node\` and \`seqc/data\` export. [Training](training.md) is the guide, this page the reference; it
is written from the sources by \`npm run docs:api\`.

Arrays are typed arrays, row-major, the batch first. A wrong argument is a \`TypeError\` or \`RangeError\` that names it, before anything
is sent to the device; a \`DeviceError\` is about the machine. Types without an import line belong to the export above them and have no
name outside.`;

/** A declaration, its overloads one after another. */
interface Declared {
  readonly name: string;
  readonly nodes: readonly ts.Statement[];
}

interface Export extends Declared {
  /** Where it is imported from. */
  readonly entry: string;
  /** Within `runtime/`, without its ending. */
  readonly file: string;
}

export interface Api {
  /** The page as it should be. */
  readonly page: string;
  /** Exports, and members of exported classes, about which nothing is said. */
  readonly silent: readonly string[];
}

/** @throws Error for an export that has no section, or whose types its users cannot name. */
export function readApi(): Api {
  const exports = readExports();
  const isPublic = new Set(exports.map(({ name }) => name));
  const sections = SECTIONS.map(([title, files]) => {
    const isOf = (file: string) => (each: Export) => each.file === file || each.file.startsWith(`${file}/`);
    return { title, members: files.flatMap((file) => exports.filter(isOf(file))) };
  });
  const inOrder = sections.flatMap(({ members }) => members);
  const lost = exports.find((each) => !inOrder.includes(each));
  if (lost !== undefined) throw new Error(`${lost.name}: name the file ${lost.file} in a section of this script`);
  const anchors = new Map(inOrder.map((each, at) => [each, anchorOf(each, inOrder.slice(0, at))]));
  const contents = sections.map(({ title, members }) => {
    const links = members.map((each) => `[\`${each.name}\`](#${anchors.get(each)})`);
    return wrap(`- **${title}**: ${links.join(", ")}`, "  ");
  });
  const told = new Set<string>();
  const silent: string[] = [];
  const texts = sections.flatMap(({ title, members }) => [
    `## ${title}`,
    ...members.flatMap((each) => {
      const helpers = helpersOf(each, isPublic).filter(({ name }) => !told.has(name));
      for (const { name } of helpers) told.add(name);
      silent.push(...silentOf(each));
      return [
        `### ${each.name}`,
        `From \`"${each.entry}"\`.`,
        ...[each, ...helpers].flatMap(({ nodes }) => nodes.flatMap(describe)),
      ];
    }),
  ]);
  return { page: `${[INTRODUCTION, contents.join("\n"), ...texts].join("\n\n")}\n`, silent };
}

/** As GitHub makes them of headings. */
function anchorOf({ name }: Export, before: readonly Export[]): string {
  const same = before.filter((other) => other.name.toLowerCase() === name.toLowerCase()).length;
  return `${name.toLowerCase()}${same === 0 ? "" : `-${same}`}`;
}

/** Fields may speak for themselves. */
function silentOf({ name, nodes }: Declared): readonly string[] {
  const isSilent = (node: ts.Node) => split(node).text.length === 0;
  const members = nodes
    .filter(ts.isClassDeclaration)
    .flatMap(({ members }) => members.filter((each) => !isHidden(each)));
  const methods = members.filter((member) => ts.isMethodDeclaration(member) || ts.isConstructorDeclaration(member));
  return [
    ...nodes.filter(isSilent).map(() => name),
    ...methods.filter(isSilent).map((each) => `${name}.${each.name?.getText()}`),
  ];
}

function readExports(): readonly Export[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const entries = [...ENTRIES.values()].map((file) => join(root, file));
  const emitted = { noEmit: false, declaration: true, emitDeclarationOnly: true, stripInternal: true };
  const program = ts.createProgram(entries, { ...options, ...emitted });
  const declarations = new Map<string, ts.SourceFile>();
  program.emit(undefined, (path, text, _mark, _fail, sources) => {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    for (const { fileName } of sources ?? []) declarations.set(fileName, file);
  });
  const checker = program.getTypeChecker();
  const exports = new Map<string, Export>();
  for (const [entry, path] of ENTRIES) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, path))!)!;
    for (const symbol of checker.getExportsOfModule(module)) {
      if (exports.has(symbol.name)) continue;
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const { fileName } = target.declarations![0].getSourceFile();
      const file = relative(join(root, "runtime"), fileName).replaceAll("\\", "/").replace(/\.ts$/, "");
      exports.set(symbol.name, { ...declared(declarations.get(fileName)!, target.name)!, entry, file });
    }
  }
  return [...exports.values()];
}

function declared(file: ts.SourceFile, name: string): Declared | undefined {
  const nodes = file.statements.filter((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.some((each) => each.name.getText() === name)
      : ts.isDeclarationStatement(statement) && statement.name?.getText() === name,
  );
  return nodes.length === 0 ? undefined : { name, nodes };
}

/** Types that an export is made of and that are not exported. They stand in its file. */
function helpersOf({ name, nodes }: Declared, isPublic: ReadonlySet<string>): readonly Declared[] {
  const found = new Map<string, Declared>();
  const follow = (node: ts.Node): void => {
    if ((ts.isClassElement(node) && isHidden(node)) || isImplements(node)) return;
    const used = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : ts.isTypeQueryNode(node)
          ? node.exprName
          : undefined;
    if (used !== undefined) take(used.getText().split(".")[0], node.getSourceFile());
    ts.forEachChild(node, follow);
  };
  const take = (used: string, file: ts.SourceFile): void => {
    if (isPublic.has(used) || found.has(used)) return;
    const helper = declared(file, used);
    if (helper !== undefined) {
      found.set(used, helper);
      helper.nodes.forEach(follow);
    } else if (importsOf(file).includes(used)) {
      throw new Error(`${name} is made of ${used}, which is not exported: its users cannot name it`);
    }
  };
  nodes.forEach(follow);
  return [...found.values()];
}

function importsOf(file: ts.SourceFile): readonly string[] {
  return file.statements.flatMap((statement) => {
    const bindings = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : undefined;
    return bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
  });
}

const isImplements = (node: ts.Node): boolean =>
  ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword;

function isHidden(member: ts.ClassElement): boolean {
  const isPrivate = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0;
  return isPrivate || (member.name !== undefined && ts.isPrivateIdentifier(member.name));
}

/** A declaration, then what is said about it. A class has its members one by one, all else comes as a whole. */
function describe(node: ts.Statement): readonly string[] {
  const { text, rest } = split(node);
  if (!ts.isClassDeclaration(node)) return [fence(rest), ...text];
  const heritage = (node.heritageClauses ?? []).filter((clause) => !isImplements(clause));
  const parameters = node.typeParameters?.map((each) => each.getText()).join(", ");
  const head = [
    `class ${node.name!.text}${parameters === undefined ? "" : `<${parameters}>`}`,
    ...heritage.map((each) => each.getText()),
  ];
  const members = node.members.filter((member) => !isHidden(member)).map(split);
  return [fence(head.join(" ")), ...text, ...members.flatMap((member) => [fence(member.rest), ...member.text])];
}

/** A node's doc comment as paragraphs, and the rest of it. */
function split(node: ts.Node): { readonly text: readonly string[]; readonly rest: string } {
  const rest = node.getText().replace(/^export (declare )?|^declare /, "");
  const comment = ts.getJSDocCommentsAndTags(node).at(-1)?.getText();
  return { text: comment === undefined || comment.includes("@file") ? [] : paragraphs(comment), rest: outdent(rest) };
}

const TAGS: ReadonlyMap<string, string> = new Map([
  ["throws", "Throws "],
  ["returns", "Returns "],
]);

/** Of a comment, tags as a list. */
function paragraphs(comment: string): readonly string[] {
  const text = comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .replace(/^[ \t]*\*[ \t]?/gm, "")
    .trim();
  const [body, ...tags] = text.split(/(?:^|\s)@(?=(?:param|typeParam|returns|throws)\b)/);
  const listed = tags.map((tag) => {
    const [, kind, , what] = /^(\w+)(\s+)([\s\S]*)$/.exec(tag)!;
    const bold =
      kind === "param" || kind === "typeParam" ? what.replace(/^[\w.]+/, "`$&`:") : `${TAGS.get(kind)}${what}`;
    return wrap(`- ${bold.replace(/\s+/g, " ").trim()}`, "  ");
  });
  const plain = body.trim().split(/\n\s*\n|\n(?=- )/);
  const wrapped = plain
    .filter((each) => each !== "")
    .map((each) => wrap(each.replace(/\s+/g, " ").trim(), each.startsWith("- ") ? "  " : ""));
  return listed.length === 0 ? wrapped : [...wrapped, listed.join("\n")];
}

function outdent(text: string): string {
  const lines = text.split("\n");
  const margin = /^ */.exec(lines.at(-1) ?? "")![0];
  return lines
    .map((line) => (line.startsWith(margin) ? line.slice(margin.length) : line))
    .join("\n")
    .replace(/^( {4})+/gm, (all) => " ".repeat(all.length / 2));
}

const fence = (code: string): string => `\`\`\`typescript\n${code}\n\`\`\``;

/** Lines of at most 120 characters, those behind the first behind `indent`. */
function wrap(text: string, indent = ""): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 120) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : indent + word);
  }
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, readApi().page);
