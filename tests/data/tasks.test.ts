/**
 * @file The synthetic tasks against their definitions, done a second time from the finished batches; their baselines against the
 * entropy of many examples; their specs against code that knows no spec.
 */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  adding,
  copying,
  createTask,
  type DataBatch,
  inductionHeads,
  selectiveCopying,
  TASK_NAMES,
  type Task,
  temporalOrder,
} from "../../runtime/data/index.js";
import { initialiseParameters } from "../../runtime/initialise.js";
import { checkInputs, extentsOf } from "../../runtime/validate.js";
import { evaluateGraph } from "../../src/ir/interpret.js";
import { type NdArray, ndarray } from "../../src/ir/ndarray.js";
import { present } from "../../src/support/assert.js";
import { compileText } from "../support/compiled.js";

/** Row `row` of an array of so many rows. */
const rowOf = (array: ArrayLike<number>, row: number, rows: number): number[] =>
  Array.prototype.slice.call(array, (row * array.length) / rows, ((row + 1) * array.length) / rows);
const rowsOf = (array: ArrayLike<number>, rows: number) =>
  Array.from({ length: rows }, (_, r) => rowOf(array, r, rows));
const count = <T>(values: readonly T[], wanted: T) => values.filter((value) => value === wanted).length;
const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe("examples are as defined", () => {
  test("adding", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), seed, (length, seed) => {
        const { x, total } = adding({ length }).batches({ batch: 5, seed }).next();
        rowsOf(x, 5).forEach((steps, row) => {
          const numbers = steps.filter((_, at) => at % 2 === 0);
          const marked = steps.filter((_, at) => at % 2 === 1).flatMap((mark, t) => (mark === 1 ? [t] : []));
          expect(numbers.every((value) => value >= 0 && value < 1)).toBe(true);
          expect(marked.length).toBe(2);
          expect(marked[0]).toBeLessThan(length / 2);
          expect(marked[1]).toBeGreaterThanOrEqual(Math.floor(length / 2));
          expect(total[row]).toBe(Math.fround(numbers[marked[0]] + numbers[marked[1]]));
        });
      }),
    );
    const { x } = adding({ length: 4 }).batches({ batch: 400 }).next();
    const places = rowsOf(x, 400).map((steps) => steps.filter((_, at) => at % 2 === 1).join(""));
    expect(new Set(places)).toEqual(new Set(["1010", "1001", "0110", "0101"]));
  });

  test("copying", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), seed, (delay, seed) => {
        const task = copying({ delay });
        const { tokens, wanted } = task.batches({ batch: 4, seed }).next();
        expect(task.length).toBe(delay + 20);
        rowsOf(tokens, 4).forEach((steps, row) => {
          const symbols = steps.slice(0, 10);
          expect(symbols.every((symbol) => symbol >= 0 && symbol < 8)).toBe(true);
          expect(steps.slice(10)).toEqual([...Array(delay - 1).fill(8), 9, ...Array(10).fill(8)]);
          expect(rowOf(wanted, row, 4)).toEqual([...Array(delay + 10).fill(8), ...symbols]);
        });
      }),
    );
  });

  test("selective copying", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 9 }), seed, (noise, copied, seed) => {
        const task = selectiveCopying({ context: copied + noise, copied, vocabulary: 6 });
        const { tokens, asked, wanted } = task.batches({ batch: 4, seed }).next();
        rowsOf(tokens, 4).forEach((steps, row) => {
          const symbols = steps.filter((token) => token >= 1 && token <= 4);
          expect(count(steps, 0)).toBe(noise);
          expect(steps.slice(-copied)).toEqual(Array(copied).fill(5));
          expect(symbols.length).toBe(copied);
          expect(rowOf(wanted, row, 4)).toEqual([...Array(noise + copied).fill(0), ...symbols]);
          expect(rowOf(asked, row, 4)).toEqual([...Array(noise + copied).fill(0), ...Array(copied).fill(1)]);
        });
      }),
    );
    const { tokens } = selectiveCopying({ context: 4, copied: 2 }).batches({ batch: 600 }).next();
    const places = rowsOf(tokens, 600).map((steps) => steps.slice(0, 4).map((token) => Number(token > 0)));
    const counts = new Map<string, number>();
    for (const each of places) counts.set(each.join(""), (counts.get(each.join("")) ?? 0) + 1);
    // Six ways, 100 each; chi-squared with 5 degrees of freedom is above 25.7 once in 10,000.
    expect(counts.size).toBe(6);
    expect([...counts.values()].reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0)).toBeLessThan(25.7);
  });

  test("induction heads", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 60 }), seed, (length, seed) => {
        const { tokens, answer } = inductionHeads({ length, vocabulary: 5 }).batches({ batch: 4, seed }).next();
        rowsOf(tokens, 4).forEach((steps, row) => {
          expect(count(steps, 4)).toBe(2);
          expect(steps[length - 1]).toBe(4);
          expect(answer[row]).toBe(steps[steps.indexOf(4) + 1]);
          expect(answer[row]).toBeLessThan(4);
          expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
        });
      }),
    );
    const { tokens } = inductionHeads({ length: 5 }).batches({ batch: 200 }).next();
    expect(new Set(rowsOf(tokens, 200).map((steps) => steps.indexOf(15)))).toEqual(new Set([0, 1, 2]));
  });

  test.each([
    [
      2,
      "XX XY YX YY",
      [
        [10, 20],
        [50, 60],
      ],
    ],
    [
      3,
      "XXX XXY XYX XYY YXX YXY YYX YYY",
      [
        [10, 20],
        [33, 43],
        [66, 76],
      ],
    ],
  ])("temporal order of %i", (relevant, classes, places) => {
    const { x, T, label } = temporalOrder({ relevant }).batches({ batch: 200, seed: 3 }).next();
    const lengths = new Set<number>();
    rowsOf(x, 200).forEach((values, row) => {
      const steps = rowsOf(values, 110);
      expect(steps.slice(0, T[row]).every((step) => count(step, 1) === 1 && count(step, 0) === 7)).toBe(true);
      expect(
        steps
          .slice(T[row])
          .flat()
          .every((value) => value === 0),
      ).toBe(true);
      const text = steps.slice(0, T[row]).map((step) => "abcdXYEB"[step.indexOf(1)]);
      expect(text.join("")).toMatch(/^E[abcdXY]+B$/);
      const found = text.flatMap((symbol, t) => (symbol === "X" || symbol === "Y" ? [t] : []));
      expect(found.length).toBe(relevant);
      for (const [at, t] of found.entries()) {
        expect(t).toBeGreaterThanOrEqual(places[at][0]);
        expect(t).toBeLessThanOrEqual(places[at][1]);
      }
      expect(classes.split(" ")[label[row]]).toBe(found.map((t) => text[t]).join(""));
      lengths.add(T[row]);
    });
    expect([...lengths].sort()).toEqual(Array.from({ length: 11 }, (_, more) => 100 + more));
  });
});

/** Of each place of a target over all rows: the entropy, the loss of the best answer that is the same for all. */
function entropies(target: ArrayLike<number>, rows: number): number[] {
  const length = target.length / rows;
  return Array.from({ length }, (_, at) => {
    const counts = new Map<number, number>();
    for (let row = 0; row < rows; row++) {
      const value = target[row * length + at];
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts.values()].reduce((sum, n) => sum - (n / rows) * Math.log(n / rows), 0);
  });
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("baselines are those of many examples", () => {
  const batch = 4000;
  test("adding", () => {
    const { total } = adding({ length: 10 }).batches({ batch: 20_000 }).next();
    const average = mean([...total]);
    expect(mean([...total].map((value) => (value - average) ** 2))).toBeCloseTo(adding().baseline, 2);
    expect(adding().baseline).toBe(1 / 6);
  });
  test("copying", () => {
    const task = copying({ delay: 5 });
    expect(mean(entropies(task.batches({ batch }).next().wanted, batch))).toBeCloseTo(task.baseline, 2);
    expect(copying({ delay: 200 }).baseline).toBeCloseTo((10 * Math.log(8)) / 220, 12);
  });
  test("selective copying, where an answer is asked for", () => {
    const task = selectiveCopying({ context: 20 });
    expect(mean(entropies(task.batches({ batch }).next().wanted, batch).slice(20))).toBeCloseTo(task.baseline, 2);
  });
  test("induction heads", () => {
    const task = inductionHeads({ length: 12 });
    expect(mean(entropies(task.batches({ batch }).next().answer, batch))).toBeCloseTo(task.baseline, 2);
  });
  test.each([2, 3])("temporal order of %i", (relevant) => {
    const task = temporalOrder({ relevant, shortest: 20 });
    expect(mean(entropies(task.batches({ batch }).next().label, batch))).toBeCloseTo(task.baseline, 2);
  });
});

const SMALL: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  adding: { length: 6 },
  copying: { delay: 3, symbols: 3, copied: 2 },
  "selective-copying": { context: 5, vocabulary: 5, copied: 2 },
  "induction-heads": { length: 6, vocabulary: 5 },
  "temporal-order": { shortest: 20 },
};

/** Sizes that make an evaluation by the interpreter quick. */
const NARROW: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  adding: { H: 3 },
  copying: { H: 3 },
  "selective-copying": { D: 4, L: 1 },
  "induction-heads": { D: 4, L: 1 },
  "temporal-order": { H: 3 },
};

describe.each(TASK_NAMES)("%s", (type) => {
  const small = createTask({ type, ...SMALL[type] });

  test("has the papers' settings by itself", () => {
    const lengths = {
      adding: 100,
      copying: 120,
      "selective-copying": 4112,
      "induction-heads": 256,
      "temporal-order": 110,
    };
    expect(createTask({ type }).length).toBe(lengths[type as keyof typeof lengths]);
  });

  test("batches are functions of seed and number alone, and differ by both", () => {
    const take = (seed: number, batches: number) => {
      const loader = small.batches({ batch: 3, seed });
      return Array.from({ length: batches }, () => loader.next());
    };
    const all = take(5, 6);
    const resumed = small.batches({ batch: 3, seed: 5 });
    resumed.restore(JSON.parse(JSON.stringify({ ...resumed.state(), taken: 4 })));
    expect([resumed.next(), resumed.next()]).toEqual(all.slice(4));
    expect(take(5, 6)).toEqual(all);
    expect(new Set([...all, ...take(6, 6)].map((batch) => JSON.stringify(batch))).size).toBe(12);
    const one = small.batches({ batch: 1, seed: 5 });
    const inputs = Object.keys(all[0]);
    for (const batch of all) {
      for (let row = 0; row < 3; row++) {
        const single: DataBatch = one.next();
        for (const name of inputs) expect([...single[name]]).toEqual(rowOf(batch[name], row, 3));
      }
    }
  });

  test("validates on other examples, the same in each epoch", () => {
    const loader = small.validation({ batch: 3, batches: 4, seed: 5 });
    const first = [...loader];
    expect(first.length).toBe(4);
    expect([...loader]).toEqual(first);
    const training = small.batches({ batch: 3, seed: 5 });
    const seen = Array.from({ length: 4 }, () => JSON.stringify(training.next()));
    expect(first.some((batch) => seen.includes(JSON.stringify(batch)))).toBe(false);
    expect(() => small.batches({ batch: 3 }).restore(loader.state())).toThrow(/validation was true/);
    const settings = createTask({ type }).batches({ batch: 3, seed: 5 });
    expect(() => settings.restore(small.batches({ batch: 3, seed: 5 }).state())).toThrow(/was .* and is/);
  });

  test("fits its spec, whose metric is the part that is right", () => {
    const rows = 40;
    const batch: DataBatch = small.batches({ batch: rows, seed: 9 }).next();
    const { file, set } = small.spec;
    const text = readFileSync(new URL(`../../specs/models/${file}`, import.meta.url), "utf8");
    const { manifest, module } = compileText(text, { ...NARROW[type], ...set });
    const sizes = { _B: rows, T: small.length };
    const ports = [...manifest.inputs, ...manifest.targets];
    const args: Record<string, NdArray> = {};
    for (const [name, values] of checkInputs(ports, batch, sizes, manifest.ragged)) {
      const port = ports.find((port) => port.name === name);
      args[name] = ndarray(port === undefined ? [rows] : extentsOf(port, sizes), values);
    }
    const flat = initialiseParameters(manifest, 4);
    for (const { name, shape, offset } of manifest.parameters) {
      const size = shape.reduce((product, extent) => product * extent, 1);
      args[name] = ndarray(
        shape,
        flat.subarray(offset, offset + size).map((value) => 3 * value),
      );
    }
    // Leaning towards one answer, so that some are right and others are not.
    const bias = args["head.b"].shape;
    args["head.b"] = ndarray(
      bias,
      type === "adding" ? [1] : Array.from({ length: bias[0] }, (_, k) => Number(k === 1)),
    );
    const output = type === "adding" ? "guess" : "logits";
    const predicted = evaluateGraph(present(module.graphs.predict, "test", "predict"), args, sizes);
    const evaluated = evaluateGraph(present(module.graphs.evaluate, "test", "evaluate"), args, sizes);
    const right = rightAnswers(small, batch, predicted[`output:${output}`].data, rows);
    expect(right.length).toBeGreaterThan(0);
    expect(new Set(right)).toEqual(new Set([true, false]));
    expect(evaluated[`metric:${small.metric}`].data[0]).toBeCloseTo(count(right, true) / right.length, 12);
  });
});

/** Of each answer that counts whether it is right. */
function rightAnswers(task: Task, batch: DataBatch, output: ArrayLike<number>, rows: number): boolean[] {
  if (task.type === "adding") return [...batch.total].map((total, row) => Math.abs(total - output[row]) / 2 < 0.04);
  const name = Object.keys(batch).find((name) => ["wanted", "answer", "label"].includes(name)) ?? "";
  const target = batch[name];
  const classes = output.length / target.length;
  const best = rowsOf(output, target.length).map((logits) => logits.indexOf(Math.max(...logits)));
  expect(best.length * classes).toBe(output.length);
  const counts = [...target].map((_, at) => {
    if (target.length === rows) return true;
    return at % task.length >= task.length - (SMALL[task.type].copied ?? 0);
  });
  return best.flatMap((guess, at) => (counts[at] ? [guess === target[at]] : []));
}

describe("options", () => {
  test.each([
    [{ type: "sorting" }, 'there is no task "sorting": there are adding, copying'],
    [{ type: "adding", lenght: 5 }, "unknown option `adding.lenght`: there is `length`"],
    [{ type: "adding", length: "5" }, '`length` must be a number, not "5"'],
    [{ type: "adding", length: 1 }, "`length` must be a whole number of at least 2"],
    [{ type: "adding", length: 2.5 }, "`length` must be a whole number of at least 2"],
    [{ type: "copying", delay: 0 }, "`delay` must be a whole number of at least 1"],
    [{ type: "selective-copying", context: 5 }, "`copied` is 16 and there are only 5 places"],
    [{ type: "selective-copying", vocabulary: 2 }, "`vocabulary` must be a whole number of at least 3"],
    [{ type: "induction-heads", length: 2 }, "`length` must be a whole number of at least 3"],
    [{ type: "temporal-order", relevant: 4 }, "`relevant` must be 2 or 3"],
    [{ type: "temporal-order", shortest: 19 }, "`shortest` must be a whole number of at least 20"],
  ])("%j are refused", (options, message) => {
    expect(() => createTask(options)).toThrow(message);
  });
});
