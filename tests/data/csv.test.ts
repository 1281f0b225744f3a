/** @file CSV: quoting as in RFC 4180, arrays from numbered columns, and mistakes with their line and column. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCsv } from "../../runtime/data/index.js";

const read = (text: string) => readCsv(new TextEncoder().encode(text));

/** Numbers by the columns' names. */
const columnsOf = (text: string) =>
  Object.fromEntries([...read(text)].map(([name, { shape, values }]) => [name, { shape, values: [...values] }]));

describe("columns", () => {
  test.each(["\n", "\r\n", "\r"])("lines end in %j, with or without one at the end", (end) => {
    const lines = ["x,label", "1.5,3", "-2e-3,0"];
    const wanted = { x: { shape: [2], values: [1.5, -0.002] }, label: { shape: [2], values: [3, 0] } };
    expect(columnsOf(lines.join(end))).toEqual(wanted);
    expect(columnsOf(lines.join(end) + end)).toEqual(wanted);
    expect(columnsOf(`\ufeff${lines.join(end)}`)).toEqual(wanted);
  });

  test("names and numbers may be quoted", () => {
    expect(columnsOf('"a ""b"", c","d\ne"\n"1"," 2 "\n')).toEqual({
      'a "b", c': { shape: [1], values: [1] },
      "d\ne": { shape: [1], values: [2] },
    });
  });

  test("a header alone is no rows", () => {
    expect(columnsOf("a,b\n")).toEqual({ a: { shape: [0], values: [] }, b: { shape: [0], values: [] } });
  });

  test("numbered columns are one array, in whatever order", () => {
    expect(columnsOf("y,x[1][0],x[0][0],x[0][1],x[1][1]\n9,3,1,2,4\n8,7,5,6,8\n")).toEqual({
      y: { shape: [2], values: [9, 8] },
      x: { shape: [2, 2, 2], values: [1, 2, 3, 4, 5, 6, 7, 8] },
    });
  });

  test("whatever is written reads back", () => {
    const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const name = fc.string({ minLength: 1 }).map((text) => `n${text}.`);
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true });
    const table = fc.tuple(fc.uniqueArray(name, { minLength: 1, maxLength: 4 }), fc.nat(5)).chain(([names, rows]) =>
      fc.record({
        names: fc.constant(names),
        columns: fc.tuple(...names.map(() => fc.array(numbers, { minLength: rows, maxLength: rows }))),
        rows: fc.constant(rows),
        end: fc.constantFrom("\n", "\r\n"),
      }),
    );
    fc.assert(
      fc.property(table, ({ names, columns, rows, end }) => {
        const lines = [names.map(quoted)];
        for (let row = 0; row < rows; row++) lines.push(columns.map((column) => String(column[row])));
        const arrays = read(lines.map((fields) => fields.join(",")).join(end));
        expect([...arrays].map(([name, { shape, values }]) => [name, shape, [...values]])).toEqual(
          // "-0" as JavaScript writes it has no sign.
          names.map((name, at) => [name, [rows], columns[at].map((value) => value + 0)]),
        );
      }),
    );
  });
});

test.each([
  ["nothing", "", /empty/],
  ["a column without a name", "a,,b\n1,2,3\n", /line 1, column 2: the column has no name/],
  ["a name twice", "a,b,a\n", /line 1: two columns are named `a`/],
  ["a word", "a,b\n1,2\n1,two\n", /line 3, column 2 \(`b`\): "two" is no number/],
  ["no field", "a,b\n1,\n", /line 2, column 2 \(`b`\): "" is no number/],
  ["an infinity", "a\nInfinity\n", /"Infinity" is no number/],
  ["a hexadecimal", "a\n0x10\n", /"0x10" is no number/],
  ["too few fields", "a,b\n1,2\n3\n", /line 3 has 1 fields and the header has 2/],
  ["an empty line", "a,b\n1,2\n\n3,4\n", /line 3 has 1 fields/],
  ["lines within quotes are counted", '"a\nb",c\n1,x\n', /line 3, column 2 \(`c`\)/],
  ["a quote within a field", 'a\n1"2\n', /line 2, column 1: a quote stands within a field/],
  ["text behind a quoted field", 'a,b\n1,"2"3\n', /line 2, column 2: a quoted field has no end, or text behind it/],
  ["a quote that never ends", 'a\n"1\n2\n', /line 2, column 1: a quoted field has no end/],
  ["a gap in numbered columns", "x[0],x[2]\n1,2\n", /columns of `x`/],
  ["a huge number of a column", "x[0],x[99999999]\n1,2\n", /columns of `x`/],
  ["two kinds of one name", "x,x[0]\n1,2\n", /columns of `x`/],
])("refuses %s", (_, text, message) => {
  expect(() => read(text)).toThrow(message);
});

test("refuses what is not UTF-8", () => {
  expect(() => readCsv(Uint8Array.of(0x61, 0x0a, 0xff))).toThrow(/UTF-8/);
});
