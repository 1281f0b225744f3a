/** The benchmark's harness without its clock: cases, rows, tables, agreement. */

import { describe, expect, it } from "vitest";
import { agree, distance } from "../../bench/agreement.js";
import { CASES, selectCases } from "../../bench/cases.js";
import { judgeReference, measureCase } from "../../bench/measure.js";
import { renderChart } from "../../bench/report/chart.js";
import { renderReport, replaceResults } from "../../bench/report/publish.js";
import { mergeRows, type Row, unmeasured } from "../../bench/report/row.js";
import { renderTable } from "../../bench/report/table.js";
import type { System } from "../../bench/systems/system.js";
import { makeWorkload } from "../../bench/workload.js";

const [LSTM] = selectCases(["lstm-16-32-16-64"]);
const QUICK = { runs: 1, milliseconds: 0 };

const row = (system: Row["system"], figures: Partial<Row> = {}): Row => ({
  ...unmeasured(LSTM.name, system, ""),
  medianMs: 4,
  minMs: 3,
  maxMs: 12.5,
  runs: 7,
  ...figures,
});

/** A system whose steps move the first parameter by `by`. */
function fake(name: System["name"], by: number, losses = [2, 1]): System {
  return {
    name,
    refuses: () => undefined,
    async open({ parameters }) {
      let ran = 0;
      return {
        adapter: "none",
        async run(steps) {
          ran += steps;
          return losses[Math.min(ran, losses.length) - 1];
        },
        parameters: async () => parameters.map(({ values }, i) => (i === 0 ? values.map((v) => v + by) : values)),
        figures: async () => ({ dispatches: 3 }),
        close: async () => {},
      };
    },
  };
}

async function measured(...systems: System[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  await measureCase(LSTM, systems, QUICK, (found) => rows.push(found));
  return judgeReference(rows);
}

describe("cases", () => {
  it("have names of their own and are selected by their beginnings", () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
    expect(selectCases(["lstm", "ssm-4-256-64-16"]).map(({ name }) => name)).toEqual([
      "lstm-16-32-16-64",
      "lstm-16-128-16-64",
      "lstm-16-64-128-256",
      "lstm-32-512-256-512",
      "ssm-4-256-64-16",
    ]);
    expect(() => selectCases(["lst"])).toThrow("lst");
  });

  it.each([...new Map(CASES.map((of) => [of.model, of])).values()])("$name is a spec that compiles", (of) => {
    const { parameters, batch } = makeWorkload(of);
    for (const { values, shape } of [...parameters, ...batch]) {
      expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
    }
    expect(batch.every(({ shape }) => shape[0] === of.batch)).toBe(true);
    for (const { classes, values } of batch) {
      const fits = classes === undefined ? values.some((x) => x < 0) : values.every((id) => id >= 0 && id < classes);
      expect(fits).toBe(true);
    }
  });
});

describe("agreement", () => {
  it("is a relative distance", () => {
    const b = Float64Array.from({ length: 5000 }, (_, i) => Math.sin(i));
    expect(distance(b, b)).toBe(0);
    expect(
      distance(
        b.map((value) => value * 1.01),
        b,
      ),
    ).toBeCloseTo(0.01, 9);
    expect(distance(b.subarray(1), b)).toBe(Number.POSITIVE_INFINITY);
    expect(
      distance(
        b.map(() => Number.NaN),
        b,
      ),
    ).toBeNaN();
  });

  it("wants the losses and the changes, and no NaN", () => {
    const results = (loss: number, change: number) => ({
      losses: Float64Array.of(loss, 1),
      change: Float64Array.of(change, 0.5),
    });
    expect(agree(results(2, 1), results(2.0001, 1.0001))).toBe(true);
    expect(agree(results(2.1, 1), results(2, 1))).toBe(false);
    expect(agree(results(2, 1.1), results(2, 1))).toBe(false);
    expect(agree(results(Number.NaN, 1), results(Number.NaN, 1))).toBe(false);
  });
});

describe("a measurement", () => {
  it("has every figure, null where there is none", async () => {
    const rows = await measured(fake("seqc", 0.1), fake("jax", 0.1));
    expect(rows.map(({ system, agrees }) => [system, agrees])).toEqual([
      ["seqc", true],
      ["jax", true],
    ]);
    const names = "adapter agrees case compileMs dispatches maxMs medianMs minMs peakBytes runs system";
    for (const found of rows) {
      expect(Object.keys(found).sort().join(" ")).toBe(names);
      expect(found).toMatchObject({ case: LSTM.name, dispatches: 3, peakBytes: null });
      expect(found.runs).toBeGreaterThan(0);
    }
  });

  it("does not time what differs, nor vouch for the first where another differs", async () => {
    const [first, second] = await measured(fake("seqc", 0.1), fake("jax", 0.2));
    expect(second).toMatchObject({ agrees: false, medianMs: null, runs: 0 });
    expect(second.reason).toContain("differ");
    expect(first.agrees).toBe(false);
  });

  it("names the reason of a failure and goes on", async () => {
    const broken: System = { ...fake("tfjs", 0), open: () => Promise.reject(new Error("no device\nat line 1")) };
    const unfit: System = { ...fake("torch", 0), refuses: () => "no such layer" };
    const rows = await measured(broken, unfit, fake("jax", 0.1));
    expect(rows.map(({ reason }) => reason)).toEqual(["no device", "no such layer", undefined]);
    expect(rows[2].agrees).toBeNull();
  });
});

describe("a report", () => {
  it("is a table with ratios to seqc", () => {
    const rows = [
      row("seqc", { dispatches: 17, peakBytes: 3 * 2 ** 20, agrees: true, compileMs: 1234 }),
      row("tfjs", { medianMs: 400, minMs: 350, maxMs: 1200, agrees: true }),
      row("jax", { medianMs: 1, agrees: null }),
    ];
    expect(renderTable(rows).replace(/ +/g, " ")).toBe(
      [
        "| case | system | ms a step | min – max | to seqc | compile | dispatches | memory | agrees |",
        "|------------------|--------|-----------|-------------|---------|---------|------------|---------|--------|",
        "| lstm-16-32-16-64 | seqc | 4.00 | 3.00 – 12.5 | 1.00× | 1.23 s | 17 | 3.0 MiB | yes |",
        "| lstm-16-32-16-64 | tfjs | 400 | 350 – 1200 | 100× | | | | yes |",
        "| lstm-16-32-16-64 | jax | 1.00 | 3.00 – 12.5 | 0.25× | | | | |",
      ].join("\n"),
    );
  });

  it("keeps together what ran together and says what was not measured", () => {
    const older = [row("seqc"), row("tfjs"), { ...row("seqc"), case: "ssm-1-128-64-16" }];
    const rows = mergeRows(older, [row("seqc", { medianMs: 9 }), unmeasured(LSTM.name, "torch", "no such layer")]);
    expect(rows.map((kept) => [kept.case, kept.system, kept.medianMs])).toEqual([
      ["ssm-1-128-64-16", "seqc", 4],
      [LSTM.name, "seqc", 9],
      [LSTM.name, "torch", null],
    ]);
    const text = renderReport({ adapter: "A GPU", threads: 2, node: "20", date: "2026-01-01", note: "Rough.", rows });
    expect(text).toContain("### A GPU");
    expect(text).toContain("CPU. Rough.");
    expect(text).toContain(`- torch: no such layer (${LSTM.name})`);
    expect(text.match(/^\| (lstm|ssm)/gm)).toHaveLength(2);
  });

  it("stands in its place of the README", () => {
    const readme =
      "# Title\n<!-- results: written by npm run bench -- --markdown -->\nold\n<!-- end of results -->\nEnd\n";
    const once = replaceResults(readme, "new");
    expect(once).toContain("new");
    expect(once).not.toContain("old");
    expect(replaceResults(once, "new")).toBe(once);
    expect(() => replaceResults("# Title\n", "new")).toThrow("no place");
  });

  it("draws what was measured over lengths", () => {
    const points = CASES.filter(({ curve }) => curve).map(({ name, length }) => ({
      ...row("seqc", { medianMs: length / 10, peakBytes: 1024 * length }),
      case: name,
    }));
    const chart = renderChart(points);
    expect(chart?.match(/<polyline/g)).toHaveLength(4);
    expect(chart).not.toContain("NaN");
    expect(renderChart([row("seqc")])).toBeUndefined();
  });
});
