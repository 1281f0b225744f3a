/** @file Arrays from files that NumPy wrote: every type, order and compression; and no damaged file is taken. */

import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type DataArray,
  type DataArrays,
  readArrays,
  readFiles,
  readIdx,
  readNpy,
  readNpz,
  readSafetensors,
} from "../../runtime/data/index.js";

const folder = new URL("../fixtures/data/", import.meta.url);
const load = (file: string): Uint8Array => readFileSync(new URL(file, folder));
const expected: Readonly<Record<string, { readonly shape: number[]; readonly values: number[] }>> = JSON.parse(
  readFileSync(new URL("expected.json", folder), "utf8"),
);

function compare(array: DataArray | undefined, key: string): void {
  expect(array?.shape, key).toEqual(expected[key].shape);
  expect([...(array?.values ?? [])], key).toEqual(expected[key].values);
}

const KINDS = {
  b1: Uint8Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: Int32Array,
  u8: Uint32Array,
  f2: Float32Array,
  f4: Float32Array,
  f8: Float64Array,
};

describe("NumPy", () => {
  test.each(["little.npz", "big.npz"])("%s: every type keeps its values", async (file) => {
    const arrays = await readNpz(load(file));
    expect([...arrays.keys()].sort()).toEqual([...Object.keys(KINDS), "special"].sort());
    for (const [name, kind] of Object.entries(KINDS)) {
      compare(arrays.get(name), `${file}/${name}`);
      expect(arrays.get(name)?.values).toBeInstanceOf(kind);
    }
    const special = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -24, -0, 65504];
    expect([...(arrays.get("special")?.values ?? [])]).toEqual(special);
  });

  test.each(["c-order", "fortran", "version-3", "scalar", "empty"])("%s.npy", (name) => {
    compare(readNpy(load(`${name}.npy`)), `${name}.npy`);
  });

  test.each([
    ["complex", /type <c16; known are b1, i1/],
    ["fields", /several fields/],
    ["text", /type <U2/],
    ["objects", /objects of Python/],
    ["large", /element number 1 is -2147483649, which does not fit into 32 bits/],
  ])("refuses %s", (name, message) => {
    expect(() => readNpy(load(`refused-${name}.npy`))).toThrow(message);
  });

  test("refuses every file that is cut off, and every one with a byte too many", () => {
    const bytes = load("c-order.npy");
    for (let end = 0; end < bytes.length; end++) expect(() => readNpy(bytes.subarray(0, end))).toThrow(/\.npy/);
    expect(() => readNpy(Uint8Array.of(...bytes, 0))).toThrow(/\[2, 3, 4\] needs 96 bytes of data and it has 97/);
  });

  const withHeader = (header: string, data = new Uint8Array(4), version = [1, 0]) =>
    Uint8Array.of(0x93, ...Buffer.from("NUMPY"), ...version, header.length, 0, ...Buffer.from(header), ...data);

  test("reads a header written in any order, as NumPy does", () => {
    const header = `{"shape":(2,1),'descr': '|u1' , 'fortran_order' :False}`;
    expect(readNpy(withHeader(header, Uint8Array.of(8, 9)))).toEqual({ shape: [2, 1], values: Uint8Array.of(8, 9) });
  });

  test.each([
    ["another key", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", /more than a type/],
    ["no shape", "{'descr': '<f4', 'fortran_order': False}", /no shape/],
    [
      "a shape without a comma",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}",
      /shape \(1 2\) is no list of sizes/,
    ],
    ["a huge shape", `{'descr': '<f4', 'fortran_order': False, 'shape': (${"9".repeat(18)}, 99)}`, /too large/],
    ["no order of bytes", "{'descr': 'f4', 'fortran_order': False, 'shape': (1,)}", /type f4/],
    ["a negative size", "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", /no shape/],
  ])("refuses a header with %s", (_, header, message) => {
    expect(() => readNpy(withHeader(header))).toThrow(message);
  });

  test("refuses an unknown version, and truth values that are none", () => {
    const header = "{'descr': '|b1', 'fortran_order': False, 'shape': (4,)}";
    expect(() => readNpy(withHeader(header, undefined, [4, 0]))).toThrow(/version is 4\.0/);
    expect(() => readNpy(withHeader(header, Uint8Array.of(1, 0, 7, 1)))).toThrow(/truth value number 2 is 7/);
  });
});

describe("a zip archive", () => {
  test("that is cut off is refused", async () => {
    const bytes = load("little.npz");
    for (let end = 0; end < bytes.length; end += 97) {
      await expect(readNpz(bytes.subarray(0, end))).rejects.toThrow(/zip archive/);
    }
  });

  test.each(["little.npz", "big.npz"])("%s with any byte of the data changed is refused", async (file) => {
    const bytes = load(file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 900 }), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] ^= by;
        const [intact, outcome] = await Promise.allSettled([readNpz(bytes), readNpz(damaged)]);
        // A byte of a local header that nothing depends on (a time, a version) changes nothing.
        if (outcome.status === "fulfilled") expect(outcome).toEqual(intact);
        else expect(String(outcome.reason)).toMatch(/zip archive/);
      }),
    );
  });

  test("that says too few bytes is not inflated further", async () => {
    const bytes = Uint8Array.from(load("big.npz"));
    const view = new DataView(bytes.buffer);
    const directory = view.getUint32(bytes.length - 6, true);
    view.setUint32(directory + 24, 5, true);
    await expect(readNpz(bytes)).rejects.toThrow(/longer than the 5 bytes/);
  });
});

describe("IDX", () => {
  test.each(["images-idx3-ubyte", "labels-idx1-ubyte", "deep.idx"])("%s", async (name) => {
    const file = readdirSync(folder).find((file) => file.startsWith(name)) ?? "";
    const arrays = await readArrays(`some/where/${file}`, load(file));
    expect([...arrays.keys()]).toEqual([name.replace(/[-.].*/, "")]);
    compare([...arrays.values()][0], name);
  });

  test.each<[string, number[], RegExp]>([
    ["an empty file", [], /two zero bytes/],
    ["other first bytes", [1, 0, 8, 1, 0, 0, 0, 0], /two zero bytes/],
    ["an unknown type", [0, 0, 7, 1, 0, 0, 0, 0], /unknown type 7/],
    ["a header cut off", [0, 0, 8, 2, 0, 0, 0, 1], /within its header/],
    ["data cut off", [0, 0, 8, 1, 0, 0, 0, 2, 9], /\[2\] needs 2 bytes of data and it has 1/],
    ["data too long", [0, 0, 8, 1, 0, 0, 0, 0, 9], /needs 0 bytes/],
  ])("refuses %s", async (_, bytes, message) => {
    await expect(readIdx(Uint8Array.from(bytes))).rejects.toThrow(message);
    if (bytes.length > 0) await expect(readIdx(gzipSync(Uint8Array.from(bytes)))).rejects.toThrow(message);
  });

  test("refuses gzip that is cut off or damaged", async () => {
    const bytes = load("images-idx3-ubyte.gz");
    for (const end of [3, 20, bytes.length - 9, bytes.length - 1]) {
      await expect(readIdx(bytes.subarray(0, end))).rejects.toThrow(/compressed data/);
    }
    const damaged = Uint8Array.from(bytes);
    damaged[40] ^= 4;
    await expect(readIdx(damaged)).rejects.toThrow(/compressed data/);
  });
});

describe("safetensors", () => {
  const file = (header: unknown, data: Uint8Array): Uint8Array => {
    const json = Buffer.from(JSON.stringify(header));
    return Buffer.concat([new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer), json, data]);
  };
  const one = (dtype: string, data: Uint8Array, shape: number[]) =>
    readSafetensors(file({ a: { dtype, shape, data_offsets: [0, data.length] } }, data)).get("a");

  test("keeps types", () => {
    expect(one("I64", new Uint8Array(BigInt64Array.of(-3n, 5n).buffer), [2])?.values).toEqual(Int32Array.of(-3, 5));
    expect(one("I32", new Uint8Array(Int32Array.of(-3, 5).buffer), [2, 1])).toEqual({
      shape: [2, 1],
      values: Int32Array.of(-3, 5),
    });
    expect(one("U8", Uint8Array.of(200), [1])?.values).toEqual(Uint8Array.of(200));
    expect(one("BOOL", Uint8Array.of(0, 1), [2])?.values).toEqual(Uint8Array.of(0, 1));
    expect(one("F64", new Uint8Array(Float64Array.of(0.1).buffer), [])?.values).toEqual(Float64Array.of(0.1));
    expect(one("BF16", Uint8Array.of(0x20, 0xc0), [1])?.values).toEqual(Float32Array.of(-2.5));
  });

  test("names the tensor that does not fit", () => {
    const large = new Uint8Array(BigUint64Array.of(2n ** 32n).buffer);
    expect(() => one("U64", large, [1])).toThrow(/tensor `a`: its element number 0 is 4294967296/);
    expect(() => one("BOOL", Uint8Array.of(2), [1])).toThrow(/tensor `a`: its truth value/);
    expect(() => one("I32", Uint8Array.of(2), [1])).toThrow(/its shape needs 4/);
    expect(() => one("C64", Uint8Array.of(2), [1])).toThrow(/the type C64; known are BOOL, I8/);
  });
});

describe("files", () => {
  test("of several formats are one set of arrays", async () => {
    const files = ["c-order.npy", "images-idx3-ubyte.gz", "labels-idx1-ubyte"];
    const arrays = await readFiles(files.map((file) => [file, load(file)]));
    expect([...arrays.keys()]).toEqual(["c-order", "images", "labels"]);
    compare(arrays.get("images"), "images-idx3-ubyte");
    const csv = Buffer.from("x,labels\n1,2\n");
    await expect(readFiles([...files, "more.csv"].map((f) => [f, f === "more.csv" ? csv : load(f)]))).rejects.toThrow(
      "two arrays are named `labels`",
    );
  });

  test("compressed by gzip are read too, and an error names the file", async () => {
    const arrays = await readArrays("a\\b/c-order.npy.gz", gzipSync(load("c-order.npy")));
    compare(arrays.get("c-order"), "c-order.npy");
    await expect(readArrays("x/y.npy", Uint8Array.of(1))).rejects.toThrow(/^y\.npy: this is no \.npy/);
    await expect(readArrays("x/y.mat", Uint8Array.of(1))).rejects.toThrow(/^y\.mat: the format is unknown/);
  });
});

test("whatever bytes a file has, it is read or refused in the reader's own words", async () => {
  const files = readdirSync(folder).filter((file) => /\.(npy|npz|gz|idx)$|ubyte$/.test(file));
  const csv = Buffer.from('x[0],x[1],"a,b"\n1,2.5,"3"\n-4,5e3,6\n');
  const given = [...files.map((file): [string, Uint8Array] => [file, load(file)]), ["table.csv", csv] as const];
  const edit = fc.tuple(fc.nat(2 ** 16), fc.constantFrom("set", "cut", "insert"), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...given), fc.array(edit, { maxLength: 4 }), async ([file, bytes], edits) => {
      let damaged = [...bytes];
      for (const [place, kind, value] of edits) {
        const at = place % (damaged.length + 1);
        if (kind === "cut") damaged = damaged.slice(0, at);
        else damaged.splice(at, kind === "set" ? 1 : 0, value);
      }
      const outcome = await readArrays(file, Uint8Array.from(damaged)).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(outcome.message.slice(file.length)).toMatch(/^: (this is no|.*compressed data|its (element|truth))/);
        return;
      }
      for (const { shape, values } of (outcome as DataArrays).values()) {
        expect(shape.reduce((product, extent) => product * extent, 1)).toBe(values.length);
      }
    }),
    { numRuns: 400 },
  );
});
