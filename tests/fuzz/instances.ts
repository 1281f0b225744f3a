/** @file Instances of random layers and cells: their declaration, and the scans and calls that run them. */

import { type Block, type Ids, type Instance, multiple, type Named, type Template } from "./block.js";
import { Expressions } from "./expressions.js";
import { type Axis, sameAxes, showType } from "./text.js";

/** States stay below this, whatever the number of steps. */
export const STATE_BOUND = 1.5;

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
  const chains = outputs.length === 1 && sameAxes(inputs[0], outputs[0].axes);
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
    ids: template.ids.map((ids) => ({ ...ids, axes: at(ids.axes), classes: at([ids.classes])[0] })),
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

/** Scans a new or given instance over a length of the block, with all that may go with it. */
export function scanWith(block: Block, cell: Template | Instance): void {
  const instance = "template" in cell ? cell : instantiate(block, cell, block.kind === "model");
  const { tape, names } = block;
  const expressions = new Expressions(block);
  const { template, count, contexts, outputs } = instance;
  const steps = tape.pick(block.lengths);
  const lengths = lengthsOf(block, [...instance.inputs, ...contexts]);
  const make = (axes: readonly Axis[]) => expressions.make(axes, 1).text;
  const args = [
    ...instance.inputs.map((axes) => make([steps, ...replaced(axes, lengths)])),
    ...instance.ids.map((ids) => idsLike(block, ids, [steps])),
    ...contexts.map((axes) => make(replaced(axes, lengths))),
  ];
  const reverse = tape.flag(30) ? " reverse" : "";
  const from = tape.flag(45) ? startOf(block, instance) : "";
  const results = outputs.map(({ axes, bound }): Named => {
    return { name: names.fresh("v"), axes: [steps, ...replaced(axes, lengths)], bound };
  });
  const end = tape.flag(60) ? names.fresh("end") : undefined;
  const left = [...results.map(({ name }) => name), ...(end === undefined ? [] : [end])].join(", ");
  const word = count === undefined ? "scan" : "chain scan";
  block.statements.push(`${left} = ${word}${reverse} ${instance.name}(${args.join(", ")})${from}`);
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

/** Ids for an input of an instance at `leading` places: such as there are, or new ones. */
function idsLike(block: Block, { axes, classes }: Ids, leading: readonly Axis[]): string {
  const wanted = [...leading, ...axes];
  const like = block.ids.filter((ids) => sameAxes(ids.axes, wanted) && ids.classes.text === classes.text);
  const { name } = like.length > 0 && block.tape.flag(60) ? like[0] : block.idInput(wanted, classes);
  return name;
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
    return expressions.make([...leading, ...replaced(axes, lengths)], 1).text;
  });
  args.push(...instance.ids.map((ids) => idsLike(block, ids, lead)));
  const results = instance.outputs.map(({ axes, bound }): Named => {
    return { name: names.fresh("v"), axes: [...lead, ...replaced(axes, lengths)], bound };
  });
  const word = instance.count === undefined ? "" : "chain ";
  const left = results.map(({ name }) => name).join(", ");
  block.define(`${left} = ${word}${instance.name}(${args.join(", ")})`, ...results);
}
