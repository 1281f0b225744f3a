/** @file Random functions, layers and cells. */

import { Block, type Fn, type Index, multiple, type Named, type Names, type Template } from "./block.js";
import { Expressions } from "./expressions.js";
import { instantiate, STATE_BOUND, scanWith } from "./instances.js";
import type { Tape } from "./tape.js";
import { type Axis, atom, call, type Piece, showType } from "./text.js";

export interface Library {
  readonly fns: readonly Fn[];
  readonly templates: readonly Template[];
  /** The text of all of them. */
  readonly text: string;
}

export function randomLibrary(tape: Tape, names: Names): Library {
  const functions = Array.from({ length: tape.below(3) }, () => randomFn(tape, names));
  const fns = functions.map(({ fn }) => fn);
  const templates: Template[] = [];
  for (let i = 1 + tape.below(3); i > 0; i--) {
    templates.push(tape.flag(45) ? randomLayer(tape, names, fns, templates) : randomCell(tape, names, fns, templates));
  }
  return { fns, templates, text: [...functions, ...templates].map(({ text }) => `${text}\n`).join("") };
}

function randomFn(tape: Tape, names: Names): { readonly fn: Fn; readonly text: string } {
  const name = names.fresh("f");
  if (tape.flag(25)) {
    const fn = { name, arity: 1, bound: 4, higher: true };
    return { fn, text: `fn ${name}(g, a) = g(g(a)) + 0.5 * a\n` };
  }
  const block = new Block(tape, names, "fn", [], []);
  const parameters = Array.from({ length: 1 + tape.below(2) }, () => names.fresh("a"));
  for (const parameter of parameters) block.values.push({ name: parameter, axes: [], bound: 2 });
  const body = new Expressions(block).make([], 3);
  // A function of an array gives an array only if its argument takes part.
  const sound = parameters.every((parameter) => new RegExp(`\\b${parameter}\\b`).test(body.text));
  const whole = sound ? body : call("tanh", 1, atom(parameters.join(" * "), 4));
  const fn = { name, arity: parameters.length, bound: whole.bound, higher: false };
  return { fn, text: `fn ${name}(${parameters.join(", ")}) = ${whole.text}\n` };
}

function randomSizes(tape: Tape): Axis[] {
  return ["A", "D", "E"].slice(0, 1 + tape.below(3)).map((text) => ({ text, most: 4, isLength: false }));
}

function open(tape: Tape, names: Names, kind: "layer" | "cell", fns: readonly Fn[], known: readonly Template[]): Block {
  const block = new Block(tape, names, kind, randomSizes(tape), fns);
  if (kind === "layer" && tape.flag(20)) block.functions.push("act");
  for (const template of known) {
    const fits = template.kind === "layer" && !template.takesLength && template.ids.length === 0;
    if (fits && tape.flag(40)) instantiate(block, template, false);
  }
  return block;
}

function close(
  block: Block,
  name: string,
  parts: Omit<Template, "kind" | "name" | "sizes" | "ids" | "params" | "text" | "takesFunction">,
): Template {
  const takesFunction = block.functions.length > 0;
  const sizes = block.sizes.map(({ text }) => text);
  const parameters = takesFunction ? [...sizes, "act = tanh"] : sizes;
  return {
    kind: block.kind === "cell" ? "cell" : "layer",
    name,
    sizes: block.sizes,
    ids: block.ids,
    params: block.params,
    takesFunction,
    ...parts,
    text: `${block.kind} ${name}(${parameters.join(", ")}) {\n${block.body}}\n`,
  };
}

function randomLayer(tape: Tape, names: Names, fns: readonly Fn[], known: readonly Template[]): Template {
  const block = open(tape, names, "layer", fns, known);
  const name = names.fresh("Layer");
  const takesLength = tape.flag(30);
  if (takesLength) block.lengths.push({ text: names.fresh("L"), most: 4, isLength: true });
  const inputs = Array.from({ length: 1 + tape.below(2) }, (_, i) => {
    const axes = i === 0 && takesLength ? [block.lengths[0], ...block.shape(1)] : block.shape(2);
    declare(block, "input", axes);
    return axes;
  });
  if (tape.flag(20)) block.idInput(block.shape(1), tape.pick(block.sizes));
  const cells = known.filter(({ kind, ids }) => kind === "cell" && ids.length === 0);
  if (takesLength) for (const cell of cells) if (tape.flag(40)) scanWith(block, cell);
  randomStatements(block, tape.below(3));
  return close(block, name, {
    inputs,
    contexts: [],
    states: [],
    outputs: randomOutputs(block, inputs[0]),
    takesLength,
  });
}

function randomCell(tape: Tape, names: Names, fns: readonly Fn[], known: readonly Template[]): Template {
  const block = open(tape, names, "cell", fns, known);
  const name = names.fresh("Cell");
  const states = Array.from({ length: 1 + tape.below(3) }, () => randomState(block));
  const inputs = Array.from({ length: 1 + tape.below(2) }, () => block.shape(tape.flag(15) ? 2 : 1));
  for (const axes of inputs) declare(block, "input", axes);
  if (tape.flag(25)) block.idInput(block.shape(1), tape.pick(block.sizes));
  const takesLength = tape.flag(15);
  if (takesLength) block.lengths.push({ text: names.fresh("L"), most: 4, isLength: true });
  const contexts = takesLength || tape.flag(20) ? [[...block.lengths, ...block.shape(1)]] : [];
  for (const axes of contexts) declare(block, "context", axes);
  randomStatements(block, tape.below(3));
  for (const state of states) nextValue(block, state);
  randomStatements(block, tape.below(2));
  return close(block, name, { inputs, contexts, states, outputs: randomOutputs(block, inputs[0]), takesLength });
}

function declare(block: Block, kind: "input" | "context", axes: readonly Axis[]): void {
  const name = block.names.fresh("x");
  block.declarations.push(`${kind} ${name}: ${showType(axes)}`);
  block.values.push({ name, axes, bound: 1 });
}

function randomState(block: Block): Named {
  const { tape } = block;
  const name = block.names.fresh("h");
  const axes = block.shape(tape.flag(30) ? 3 : 2);
  const starts = [
    () => "",
    () => ` = ${block.param(axes).name}`,
    () => ` = tanh(${block.param(axes).name})`,
    () => " = 0.5",
    () => ` = ${block.param([]).name}`,
  ];
  const start = tape.flag(40) ? tape.pick(starts)() : "";
  block.declarations.push(`state ${name}: ${showType(axes)}${start}`);
  const state = { name, axes, bound: STATE_BOUND };
  block.values.push(state);
  return state;
}

/** `h' = …`, whole or by its elements; a decay of the old value, a gate or something new. */
function nextValue(block: Block, { name, axes }: Named): void {
  const { tape, names } = block;
  const expressions = new Expressions(block);
  const own =
    axes.length > 0 && tape.flag(40) ? axes.map((axis): Index => ({ name: names.fresh("i"), axis, alone: false })) : [];
  const places = own.map((index) => index.name).join(", ");
  const old = own.length > 0 ? `${name}[${places}]` : name;
  const make = (depth: number) => expressions.make(own.length > 0 ? [] : axes, depth, own);
  const settled = (piece: Piece) => (piece.bound <= 1 ? piece.text : `tanh(${piece.text})`);
  const forms = [
    () => settled(make(3)),
    () => `0.5 * ${old} + 0.5 * (${settled(make(2))})`,
    () => {
      const gate = `sigmoid(${make(1).text})`;
      return `${gate} * ${old} + (1 - sigmoid(${make(1).text})) * (${settled(make(2))})`;
    },
    () => old,
    () => settled(make(1)),
    () => `dropout(${settled(make(2))}, 0.25)`,
  ];
  const value = tape.pick(forms)();
  const left = own.length > 0 ? `${name}'[${own.map((index) => expressions.binder(index)).join(", ")}]` : `${name}'`;
  block.define(`${left} = ${value}`, { name: `${name}'`, axes, bound: STATE_BOUND });
}

/** Definitions of whole arrays, of elements, and of the parts of a split. */
export function randomStatements(block: Block, count: number): void {
  const { tape, names } = block;
  for (let i = 0; i < count; i++) {
    const form = tape.below(8);
    if (form === 7) splitStatement(block);
    else if (form === 6) constStatement(block);
    else randomDefinition(block, names.fresh("v"), randomAxes(block), "", 3);
  }
}

function randomAxes(block: Block): Axis[] {
  const { tape, lengths } = block;
  const axes = block.shape(2);
  return lengths.length > 0 && tape.flag(60) ? [tape.pick(lengths), ...axes.slice(0, 1)] : axes;
}

/** `name = …` or `name[i, j] = …` after `prefix`. */
export function randomDefinition(
  block: Block,
  name: string,
  axes: readonly Axis[],
  prefix: string,
  depth: number,
): Named {
  const { tape, names } = block;
  const expressions = new Expressions(block);
  // Some of the leading axes may be indices, the rest stay whole.
  const indexed = axes.length === 0 || tape.flag(45) ? 0 : tape.flag(25) ? tape.below(axes.length) : axes.length;
  const own = axes.slice(0, indexed).map((axis): Index => ({ name: names.fresh("i"), axis, alone: false }));
  const body = expressions.make(axes.slice(indexed), depth, own);
  const value = { name, axes, bound: body.bound };
  const left = own.length > 0 ? `[${own.map((index) => expressions.binder(index)).join(", ")}]` : "";
  block.define(`${prefix}${name}${left} = ${body.text}`, value);
  return value;
}

function splitStatement(block: Block): void {
  const { tape, names } = block;
  const lead = tape.flag(40) ? randomAxes(block).slice(0, 1) : [];
  const part = tape.pick(block.sizes);
  const expressions = new Expressions(block);
  if (tape.flag(50)) {
    const count = 2 + tape.below(2);
    const whole = expressions.make([...lead, multiple(part, count)], 2);
    const parts = Array.from({ length: count }, () => ({
      name: names.fresh("v"),
      axes: [...lead, part],
      bound: whole.bound,
    }));
    block.define(`${parts.map(({ name }) => name).join(", ")} = split(${whole.text}, ${count})`, ...parts);
    return;
  }
  const other = tape.pick(block.sizes);
  const [a, b] = [expressions.make([...lead, part], 2), expressions.make([...lead, other], 2)];
  const bound = Math.max(a.bound, b.bound);
  const parts = [other, part].map((axis) => ({ name: names.fresh("v"), axes: [...lead, axis], bound }));
  const sizes = [other, part].map(({ text }) => text).join(", ");
  block.define(
    `${parts.map(({ name }) => name).join(", ")} = split(concat(${a.text}, ${b.text}), [${sizes}])`,
    ...parts,
  );
}

function constStatement(block: Block): void {
  const { tape, names } = block;
  const axes = [block.size(), block.size()].slice(0, 1 + tape.below(2));
  const indices = axes.map(() => names.fresh("i"));
  const [i, j = "0"] = indices;
  const forms = [`cos(0.7 * ${i} + ${j})`, `where(${i} == ${j}, 1, 0.25)`, `(${i} + 1) / (${j} + 2)`, `0.5 ** ${i}`];
  const name = names.fresh("c");
  block.define(`const ${name}[${indices.join(", ")}]: ${showType(axes)} = ${tape.pick(forms)}`, {
    name,
    axes,
    bound: 2,
  });
}

/** One or two outputs: values that there are, or such as are defined on the spot. The first may have the axes `like`. */
function randomOutputs(block: Block, like: readonly Axis[]): Named[] {
  const { tape, names } = block;
  const outputs: Named[] = [];
  for (let i = tape.flag(25) ? 2 : 1; i > 0; i--) {
    const primed = block.values.filter(
      ({ name }) => name.endsWith("'") && !outputs.some((other) => other.name === name),
    );
    if (primed.length > 0 && tape.flag(40)) {
      const value = tape.pick(primed);
      block.statements.push(`output ${value.name}`);
      outputs.push(value);
    } else {
      const axes = tape.flag(60) ? like : randomAxes(block);
      outputs.push(randomDefinition(block, names.fresh("y"), axes, "output ", 3));
    }
  }
  return outputs;
}
