/** @file Declarations and statements from concrete to abstract syntax. What a mistake left without a name is dropped. */

import type { CstNode } from "chevrotain";
import type { Span } from "../support/span.js";
import type {
  AssignTarget,
  DeclarationParameter,
  Expr,
  FunctionDeclaration,
  Ident,
  Import,
  IndexBinder,
  PortStatement,
  Statement,
  TypeSyntax,
} from "./ast.js";
import type { Builder } from "./builder.js";
import { child, children, token } from "./cst.js";
import { callArguments, expression } from "./expressions.js";

export function importDeclaration(b: Builder, node: CstNode): Import | undefined {
  const file = token(node, "StringLiteral");
  if (file === undefined) return undefined;
  const from = { value: file.image.slice(1, -1), span: b.tokenSpan(file) };
  return { names: names(b, node, "name"), from, span: b.span(node) };
}

/** The head of a cell, layer or model; nothing where its name is missing. */
export function header(b: Builder, node: CstNode): { name: Ident; parameters: DeclarationParameter[] } | undefined {
  const name = b.name(child(node, "name"));
  const parameters = children(node, "parameter").flatMap((parameter): DeclarationParameter[] => {
    const own = b.name(child(parameter, "name"));
    const value = child(parameter, "expression");
    return own === undefined
      ? []
      : [{ name: own, ...(value && { default: expression(b, value) }), span: b.span(parameter) }];
  });
  return name && { name, parameters };
}

export function functionDeclaration(b: Builder, node: CstNode): FunctionDeclaration | undefined {
  const name = b.name(child(node, "name"));
  const span = b.span(node);
  const doc = b.docs.take(span.start);
  const body = expression(b, child(node, "expression"));
  return name && { kind: "fn", name, ...doc, parameters: names(b, node, "parameter"), body, span };
}

/** One statement an item: `state h: [H], c: [H]` gives two. */
export function statement(b: Builder, node: CstNode): Statement[] {
  const rule = Object.keys(node.children)[0];
  const inner = child(node, rule);
  const convert = converters[rule];
  return inner === undefined || convert === undefined ? [] : convert(b, inner);
}

/** What every item of a comma list has, and its node for the rest. */
interface Item {
  readonly node: CstNode;
  /** Name, doc comment and span, ready to be spread into a statement. */
  readonly start: { readonly name: Ident; readonly doc?: string; readonly span: Span };
}

type Converter = (b: Builder, node: CstNode) => Statement[];

const converters: Readonly<Record<string, Converter>> = {
  portStatement: (b, node) => {
    const kind: PortStatement["kind"] = token(node, "Input") ? "input" : token(node, "Context") ? "context" : "target";
    return typedItems(b, node, ({ start }, type) => ({ kind, ...start, type }));
  },
  stateStatement: (b, node) =>
    typedItems(b, node, ({ node, start }, type) => {
      const initial = child(node, "expression");
      return { kind: "state", ...start, type, ...(initial && { initial: expression(b, initial) }) };
    }),
  paramStatement: (b, node) =>
    typedItems(b, node, ({ node, start }, type) => {
      const init = child(node, "expression");
      return {
        kind: "param",
        ...start,
        indices: names(b, child(node, "indexNames"), "name"),
        type,
        ...(init && { init: expression(b, init) }),
        frozen: token(node, "Frozen") !== undefined,
        noDecay: token(node, "NoDecay") !== undefined,
      };
    }),
  constStatement: (b, node) =>
    typedItems(b, node, ({ node, start }, type) => {
      const indices = names(b, child(node, "indexNames"), "name");
      return { kind: "const", ...start, indices, type, value: value(b, node) };
    }),
  useStatement: (b, node) =>
    items(b, node, (item) => {
      const target = b.name(child(item.node, "target"));
      if (target === undefined) return unknownValue(b, item);
      const count = child(item.node, "expression");
      const list = callArguments(b, child(item.node, "arguments"));
      return { kind: "use", ...item.start, ...(count && { count: expression(b, count) }), target, arguments: list };
    }),
  lengthStatement: (b, node) =>
    items(b, node, ({ node, start }) => ({ kind: "length", ...start, ragged: token(node, "Ragged") !== undefined })),
  assignStatement: (b, node) => [
    {
      kind: "assign",
      targets: targets(b, node),
      value: value(b, node),
      ...placed(b, node),
    },
  ],
  outputStatement: (b, node) => {
    const list = targets(b, node);
    const written = child(node, "expression");
    if (written === undefined) {
      const indexed = list.find((target) => target.indices !== undefined);
      if (indexed !== undefined) {
        const message = `\`${indexed.name.name}\` has indices but no value.`;
        b.report("SEQ1016", indexed.span, message, "list the bare name, or define it here: `output y[d] = ...`");
      }
    } else if (list.length > 1) {
      const message = "An output with a value has one name.";
      b.report("SEQ1016", list[1].span, message, "define the values first, then write `output a, b`");
      const typed = value(b, node);
      const at = placed(b, node);
      // What gives one value is that of the last name; the others then stand for values that are defined elsewhere.
      if (typed.kind !== "apply" && typed.kind !== "error") {
        const [others, last] = [list.slice(0, -1), list.slice(-1)];
        return [
          { kind: "output", targets: others, span: at.span },
          { kind: "output", targets: last, value: typed, ...at },
        ];
      }
      return [{ kind: "output", targets: list, value: typed, ...at }];
    }
    const at = placed(b, node);
    // Whatever `output tanh(h)` was to give fits every use, and no name is looked for.
    if (written === undefined && b.broken) {
      const targets = list.map((target) => ({
        ...target,
        name: { ...target.name, name: `@${target.span.start}` },
        primed: false,
      }));
      return targets.map((target) => ({ kind: "output", targets: [target], value: b.missing(), ...at }));
    }
    return [{ kind: "output", targets: list, ...(written && { value: value(b, node) }), ...at }];
  },
  lossStatement: (b, node) => {
    const where = child(node, "where");
    return [{ kind: "loss", value: value(b, node), ...(where && { where: expression(b, where) }), ...placed(b, node) }];
  },
  metricStatement: (b, node) => {
    const name = b.name(child(node, "name"));
    return [{ kind: "metric", ...(name && { name }), value: value(b, node), ...placed(b, node) }];
  },
};

function items(b: Builder, node: CstNode, convert: (item: Item) => Statement): Statement[] {
  const first = b.span(node).start;
  if (b.broken) b.docs.take(first);
  return children(node, "item").flatMap((item, at) => {
    const name = b.name(child(item, "name"));
    if (name === undefined) return [];
    const span = b.span(item);
    const doc = b.docs.take(span.start) ?? b.docs.take(first);
    // The word in front belongs to the first item, and with it what a message underlines.
    return [convert({ node: item, start: { name, ...doc, span: at === 0 ? { ...span, start: first } : span } })];
  });
}

function typedItems(b: Builder, node: CstNode, convert: (item: Item, type: TypeSyntax) => Statement): Statement[] {
  return items(b, node, (item) => {
    const type = child(item.node, "type");
    if (type !== undefined && !type.recoveredNode) return convert(item, typeSyntax(b, type));
    // A state is more than a value: its prime would be the next complaint.
    if (item.node.name !== "stateItem") return unknownValue(b, item);
    return convert(item, { axes: [b.missing()], elem: { kind: "f32" }, span: b.span(type) });
  });
}

/** A broken declaration still makes its name known: an error value agrees with every use of it. */
function unknownValue(b: Builder, { start }: Item): Statement {
  const target: AssignTarget = { name: start.name, primed: false, span: start.name.span };
  return { kind: "assign", targets: [target], value: b.missing(), span: start.span };
}

/** What a statement that did not parse gives fits every use: its first part alone would be of another shape. */
function value(b: Builder, node: CstNode): Expr {
  return b.broken ? b.missing() : expression(b, child(node, "expression"));
}

function placed(b: Builder, node: CstNode): { readonly doc?: string; readonly span: Span } {
  const span = b.span(node);
  return { ...b.docs.take(span.start), span };
}

function typeSyntax(b: Builder, node: CstNode): TypeSyntax {
  const axes = children(node, "expression").map((axis) => expression(b, axis));
  const element = child(node, "elementType");
  const span = b.span(node);
  if (token(element, "Id"))
    return { axes, elem: { kind: "id", count: expression(b, child(element, "expression")) }, span };
  return { axes, elem: { kind: token(element, "Bool") ? "bool" : "f32" }, span };
}

function targets(b: Builder, node: CstNode): AssignTarget[] {
  return children(node, "target").flatMap((target): AssignTarget[] => {
    const name = b.name(child(target, "name"));
    if (name === undefined) return [];
    const binders = children(target, "binder").flatMap((binder): IndexBinder[] => {
      const own = b.name(child(binder, "name"));
      const extent = child(binder, "expression");
      return own === undefined
        ? []
        : [{ name: own, ...(extent && { extent: expression(b, extent) }), span: b.span(binder) }];
    });
    const primed = token(target, "Prime") !== undefined;
    const indices = token(target, "LSquare") === undefined ? {} : { indices: binders };
    return [{ name, primed, ...indices, span: b.span(target) }];
  });
}

function names(b: Builder, node: CstNode | undefined, label: string): Ident[] {
  return children(node, label).flatMap((name) => b.name(name) ?? []);
}
