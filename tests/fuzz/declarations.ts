/** @file Random functions, layers and cells. */

import { Block, type Fn, type Index, type Instance, multiple, type Named, type Names, type Template } from "./block.js";
import { Expressions } from "./expressions.js";
import type { Tape } from "./tape.js";
import { type Axis, atom, call, type Piece, showType } from "./text.js";

/** States stay below this, whatever the number of steps. */
const STATE_BOUND = 1.5;

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
    if (template.kind === "layer" && !template.takesLength && tape.flag(40)) instantiate(block, template, false);
  }
  return block;
}

function close(
  block: Block,
  name: string,
  parts: Omit<Template, "kind" | "name" | "sizes" | "params" | "text" | "takesFunction">,
): Template {
  const takesFunction = block.functions.length > 0;
  const sizes = block.sizes.map(({ text }) => text);
  const parameters = takesFunction ? [...sizes, "act = tanh"] : sizes;
  return {
    kind: block.kind === "cell" ? "cell" : "layer",
    name,
    sizes: block.sizes,
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
  if (takesLength)
    for (const cell of known.filter(({ kind }) => kind === "cell")) if (tape.flag(40)) scanWith(block, cell);
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

function replaced(axes: readonly Axis[], by: ReadonlyMap<string, Axis>): Axis[] {
  return axes.map((axis) => {
    const found = by.get(axis.text);
    if (found !== undefined) return found;
    const [, factor, size] = /^(\d+) \* (\w+)$/.exec(axis.text) ?? [];
    const inner = size === undefined ? undefined : by.get(size);
    return inner === undefined ? axis : multiple(inner, Number(factor));
  });
}

/** Adds `use name = Template(…)`, with one size for all, or any. */
export function instantiate(block: Block, template: Template, mayRepeat: boolean): Instance {
  const { tape, names } = block;
  const one = tape.flag(30) ? tape.pick(block.sizes) : undefined;
  const sizes = template.sizes.map((size): [string, Axis] => [size.text, one ?? tape.pick(block.sizes)]);
  const by = new Map(sizes);
  const at = (axes: readonly Axis[]) => replaced(axes, by);
  const named = (list: readonly Named[]) => list.map((value) => ({ ...value, axes: at(value.axes) }));
  const [inputs, outputs] = [template.inputs.map(at), named(template.outputs)];
  const chains = outputs.length === 1 && sameText(inputs[0], outputs[0].axes);
  const count = mayRepeat && chains && tape.flag(60) ? 1 + tape.below(3) : undefined;
  const name = names.fresh("n");
  const given = sizes.map(([, size]) => size.text);
  if (template.takesFunction && tape.flag(60)) given.push(`act = ${tape.pick(["sin", "softplus", "gelu", "sigmoid"])}`);
  block.declarations.push(
    `use ${name}${count === undefined ? "" : `[${count}]`} = ${template.name}(${given.join(", ")})`,
  );
  const instance = {
    template,
    name,
    count,
    inputs,
    contexts: template.contexts.map(at),
    states: named(template.states),
    outputs,
  };
  if (template.kind === "layer") block.layers.push(instance);
  if (tape.flag(30)) {
    const path = count === undefined ? name : `${name}.${tape.below(count)}`;
    for (const param of template.params)
      block.values.push({ ...param, name: `${path}.${param.name}`, axes: at(param.axes) });
  }
  return instance;
}

function sameText(a: readonly Axis[], b: readonly Axis[]): boolean {
  return showType(a) === showType(b);
}

/** Scans a new or given instance over a length of the block, with all that may go with it. */
export function scanWith(block: Block, cell: Template | Instance): void {
  const instance = "template" in cell ? cell : instantiate(block, cell, block.kind === "model");
  const { tape, names } = block;
  const expressions = new Expressions(block);
  const { template, count, contexts, outputs } = instance;
  const steps = tape.pick(block.lengths);
  const lengths = lengthsOf(block, [...instance.inputs, ...contexts]);
  const args = [
    ...instance.inputs.map((axes) => expressions.make([steps, ...replaced(axes, lengths)], 1)),
    ...contexts.map((axes) => expressions.make(replaced(axes, lengths), 1)),
  ];
  const reverse = tape.flag(30) ? " reverse" : "";
  const from = tape.flag(45) ? startOf(block, instance) : "";
  const results = outputs.map(({ axes, bound }): Named => {
    return { name: names.fresh("v"), axes: [steps, ...replaced(axes, lengths)], bound };
  });
  const end = tape.flag(60) ? names.fresh("end") : undefined;
  const left = [...results.map(({ name }) => name), ...(end === undefined ? [] : [end])].join(", ");
  const word = count === undefined ? "scan" : "chain scan";
  block.statements.push(
    `${left} = ${word}${reverse} ${instance.name}(${args.map((arg) => arg.text).join(", ")})${from}`,
  );
  block.values.push(...results);
  if (end === undefined) return;
  const paths = count === undefined ? [end] : Array.from({ length: count }, (_, i) => `${end}.${i}`);
  for (const path of paths)
    for (const state of instance.states) block.values.push({ ...state, name: `${path}.${state.name}` });
  block.ends.push({ name: end, template, count, sizes: showStates(instance) });
}

function showStates({ states }: Instance): string {
  return states.map(({ axes }) => showType(axes)).join();
}

/** ` from end` of an earlier scan with the same states, or some states from values. */
function startOf(block: Block, instance: Instance): string {
  const { tape } = block;
  const same = block.ends.filter(
    ({ template, count, sizes }) =>
      template === instance.template && count === instance.count && sizes === showStates(instance),
  );
  if (same.length > 0) return ` from ${tape.pick(same).name}`;
  if (instance.count !== undefined) return "";
  const given = tape.some(instance.states, 50);
  if (given.length === 0) return "";
  const expressions = new Expressions(block);
  const fields = given.map(({ name, axes }) => {
    const start = expressions.make(tape.flag(15) ? [] : axes, 1);
    return `${name}: ${start.bound <= STATE_BOUND ? start.text : `tanh(${start.text})`}`;
  });
  return ` from { ${fields.join(", ")} }`;
}

/** Each length of the inputs as one of the block's. */
function lengthsOf(block: Block, inputs: readonly (readonly Axis[])[]): ReadonlyMap<string, Axis> {
  const names = inputs.flatMap((axes) => axes.filter((axis) => axis.isLength).map(({ text }) => text));
  return new Map([...new Set(names)].map((name) => [name, block.tape.pick(block.lengths)]));
}

/** `y = layer(x)`, mapped over leading axes, or a chain of an array of layers. */
export function callLayer(block: Block, instance: Instance): void {
  const { tape, names } = block;
  const expressions = new Expressions(block);
  if (block.lengths.length === 0 && instance.template.takesLength) return;
  const lengths = lengthsOf(block, instance.inputs);
  const leads: (readonly Axis[])[] = [[], [block.size()]];
  if (block.lengths.length > 0) leads.push([tape.pick(block.lengths)], [tape.pick(block.lengths), block.size()]);
  const lead = tape.pick(leads);
  const args = instance.inputs.map((axes, i) => {
    const leading = i > 0 && tape.flag(30) ? [] : lead;
    return expressions.make([...leading, ...replaced(axes, lengths)], 1);
  });
  const results = instance.outputs.map(({ axes, bound }): Named => {
    return { name: names.fresh("v"), axes: [...lead, ...replaced(axes, lengths)], bound };
  });
  const word = instance.count === undefined ? "" : "chain ";
  const left = results.map(({ name }) => name).join(", ");
  block.define(`${left} = ${word}${instance.name}(${args.map((arg) => arg.text).join(", ")})`, ...results);
}
