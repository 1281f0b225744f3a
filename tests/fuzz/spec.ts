/** @file Random well-formed specs: declarations, a model over them, and the extents to run it with. */

import fc from "fast-check";
import { BATCH, SEED, STEP } from "../../src/ir/types.js";
import { Block, type Named, Names } from "./block.js";
import { randomDefinition, randomLibrary, randomStatements } from "./declarations.js";
import { Expressions } from "./expressions.js";
import { callLayer, instantiate, scanWith } from "./instances.js";
import { Tape } from "./tape.js";
import { type Axis, LEVEL, showType, within } from "./text.js";

export interface Spec {
  readonly text: string;
  /** The extent of each length, the batch included, and the seed and step that dropout draws from. */
  readonly lengths: Readonly<Record<string, number>>;
  /** Of the random parameters, inputs and targets. */
  readonly seed: number;
}

const choices = fc.noBias(fc.array(fc.nat({ max: 5039 }), { maxLength: 700, size: "max" }));

/** Specs that have a loss and at least one parameter. The model has choices of its own, so that it is never starved. */
export const specs: fc.Arbitrary<Spec> = fc
  .tuple(choices, choices)
  .map(([library, model]) => specOf(new Tape(library), new Tape(model)));

function specOf(declared: Tape, tape: Tape): Spec {
  const [batch, steps, others, seed] = [tape.below(3), tape.below(4), tape.below(4), tape.below(1000)];
  const sizes = ["P", "Q", "R"].map((text): Axis => ({ text, most: 4, isLength: false }));
  const extents = sizes.map(({ text }) => `${text} = ${1 + ((tape.below(4) + 1) % 4)}`);
  const names = new Names();
  const library = randomLibrary(declared, names);
  const block = new Block(tape, names, "model", sizes, library.fns);
  block.lengths.push({ text: "T", most: 4, isLength: true });
  if (tape.flag(30)) block.lengths.push({ text: "S", most: 4, isLength: true });
  const some = tape.flag(30) ? tape.some(block.lengths, 60) : [];
  for (const { text } of some) block.declarations.push(`length ${text} ragged`);
  inputs(block);
  const layers = library.templates.filter(({ kind }) => kind === "layer");
  const instances = tape.some([...layers, ...layers], 55).map((layer) => instantiate(block, layer, true));
  const cells = library.templates.filter(({ kind }) => kind === "cell");
  const scanned = tape.some([...cells, ...cells], 65).map((cell) => instantiate(block, cell, true));
  randomStatements(block, tape.below(2));
  for (const cell of scanned) {
    scanWith(block, cell);
    // The same weights once more, perhaps from where they stopped.
    if (tape.flag(30)) scanWith(block, cell);
  }
  for (const layer of instances) callLayer(block, layer);
  randomStatements(block, tape.below(3));
  outputs(block);
  losses(block);
  const text = `${library.text}model M(${extents.join(", ")}) {\n${block.body}}\n`;
  const lengths = { [BATCH]: 1 + batch, T: 1 + steps, S: 1 + others, [SEED]: seed, [STEP]: 1 + steps };
  return { text, lengths, seed };
}

function inputs(block: Block): void {
  const { tape, names } = block;
  const add = (axes: readonly Axis[]) => {
    const name = names.fresh("x");
    block.declarations.push(`input ${name}: ${showType(axes)}`);
    block.values.push({ name, axes, bound: 1 });
  };
  for (const length of block.lengths) add([length, block.size()]);
  if (tape.flag(40)) add(block.shape(2));
  if (tape.flag(30)) {
    const axes = tape.flag(70) ? [tape.pick(block.lengths)] : [];
    block.idInput(axes, tape.pick(block.sizes));
  }
  if (tape.flag(25)) {
    const axes = [tape.pick(block.lengths)];
    const name = names.fresh("known");
    block.declarations.push(`input ${name}: ${showType(axes, "bool")}`);
    block.flags.push({ name, axes });
  }
}

/** What was computed, the latest first. */
function computed(block: Block): Named[] {
  const given = new Set(block.params.map(({ name }) => name));
  return block.values.filter(({ name }) => !given.has(name) && /^(v|y|end|n)\d/.test(name)).reverse();
}

function outputs(block: Block): void {
  const { tape, names } = block;
  const candidates = computed(block).filter(({ name }) => /^v\d+$/.test(name));
  const chosen = tape.some(candidates, 25).slice(0, 2);
  for (const { name } of chosen) block.statements.push(`output ${name}`);
  if (chosen.length > 0 && tape.flag(60)) return;
  const axes = [tape.pick(block.lengths), ...block.shape(1)];
  randomDefinition(block, names.fresh("y"), axes, "output ", 3);
}

function losses(block: Block): void {
  const { tape } = block;
  const values = computed(block);
  const some = tape.some(values, 40).slice(0, 3);
  for (const value of some.length > 0 ? some : values.slice(0, 1)) {
    const weight = tape.flag(25) ? "0.5 * " : "";
    const more = tape.flag(20) ? ` + 0.1 * ${within(new Expressions(block).make([], 2), LEVEL.sign)}` : "";
    block.statements.push(`loss ${weight}${lossOf(block, value)}${more}`);
  }
  const [steps] = block.lengths;
  if (tape.flag(35)) {
    const name = block.names.fresh("error");
    randomDefinition(block, name, [steps], "", 3);
    const masks = block.flags.filter(({ axes }) => axes[0].text === steps.text).map((flag) => flag.name);
    for (const { name: id, axes } of block.ids)
      if (axes.length === 1 && axes[0].text === steps.text) masks.push(`${id} != 0`);
    block.statements.push(`loss ${name}${masks.length > 0 && tape.flag(70) ? ` where ${tape.pick(masks)}` : ""}`);
  }
  if (tape.flag(20))
    block.statements.push(`metric ${block.names.fresh("m")} = ${new Expressions(block).make([], 2).text}`);
  if (block.params.length === 0) {
    block.statements.push(`loss mean(${block.param([tape.pick(block.sizes)]).name} ** 2)`);
  }
}

/** A loss at every step, or one for an example, of a value and a target made for it. */
function lossOf(block: Block, { name, axes }: Named): string {
  const { tape, names } = block;
  const target = (type: string) => {
    const fresh = names.fresh("t");
    block.declarations.push(`target ${fresh}: ${type}`);
    return fresh;
  };
  const forms = ["mse", "mse", "huber", "mae"];
  const last = axes.at(-1);
  const places = axes.slice(0, -1);
  const classes = last !== undefined && !last.isLength && places.every((axis) => axis.isLength);
  if (classes) forms.push("cross_entropy", "cross_entropy", "cross_entropy");
  if (axes.every((axis) => axis.isLength)) forms.push("binary_cross_entropy");
  const form = tape.pick(forms);
  if (form === "cross_entropy" && last !== undefined) {
    const ids = target(showType(places, `id(${last.text})`));
    block.statements.push(`metric ${names.fresh("hits")} = accuracy(${name}, ${ids})`);
    return `cross_entropy(${name}, ${ids})`;
  }
  return `${form}(${name}, ${target(showType(axes, form === "binary_cross_entropy" ? "bool" : "f32"))})`;
}
