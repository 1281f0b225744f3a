/** @file Checkpoints: what is written reads back, and no malformed file is accepted. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/safetensors.js";

function file(header: unknown, data: ArrayLike<number> = [], text = JSON.stringify(header)): Uint8Array {
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const f32 = (start: number, end: number, shape: number[] = [(end - start) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [start, end],
});

const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    values: fc.float32Array({
      minLength: shape.reduce((product, extent) => product * extent, 1),
      maxLength: shape.reduce((product, extent) => product * extent, 1),
    }),
  }),
);

test("what is written reads back, whatever the names", () => {
  const names = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "0", "10", "rnn.W_ih"));
  const entries = fc.uniqueArray(
    fc.tuple(
      names.filter((name) => name !== "__metadata__"),
      tensor,
    ),
    { selector: ([name]) => name },
  );
  const metadata = fc.uniqueArray(fc.tuple(names, fc.string()), { selector: ([name]) => name });
  fc.assert(
    fc.property(entries, metadata, (tensors, described) => {
      const checkpoint = { tensors: new Map(tensors), metadata: new Map(described) };
      const bytes = encodeSafetensors(checkpoint);
      expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
      const decoded = decodeSafetensors(bytes);
      expect(decoded).toEqual(checkpoint);
    }),
  );
});

test("reads at any place in memory, and the other float types as f32", () => {
  const bytes = file(
    {
      half: { dtype: "F16", shape: [4], data_offsets: [0, 8] },
      brain: { dtype: "BF16", shape: [1], data_offsets: [8, 10] },
      double: { dtype: "F64", shape: [], data_offsets: [10, 18] },
    },
    [0x00, 0x3e, 0x01, 0x00, 0x00, 0xfc, 0x00, 0xc1, 0x20, 0xc0, ...new Uint8Array(Float64Array.of(0.1).buffer)],
  );
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const { tensors } = decodeSafetensors(shifted.subarray(3));
  expect(tensors.get("half")?.values).toEqual(Float32Array.of(1.5, 2 ** -24, Number.NEGATIVE_INFINITY, -2.5));
  expect(tensors.get("brain")?.values).toEqual(Float32Array.of(-2.5));
  expect(tensors.get("double")).toEqual({ shape: [], values: Float32Array.of(0.1) });
});

describe("refused is", () => {
  const huge = new Uint8Array(16);
  new DataView(huge.buffer).setBigUint64(0, 100_000_001n, true);
  const data = new Uint8Array(16);
  test.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(), "shorter than eight"],
    ["a header over 100 MB", huge, "100 MB"],
    ["a header past the end", file({}).subarray(0, 9), "longer than the file"],
    ["no header", file(undefined, [], ""), "start with {"],
    ["a header after a space", file(undefined, [], " {}"), "start with {"],
    ["no JSON", file(undefined, [], "{x}"), "no JSON"],
    ["an entry that is no object", file({ a: 1 }), "no object"],
    ["an unknown type", file({ a: { dtype: "I8", shape: [1], data_offsets: [0, 1] } }, [0]), "the type I8"],
    ["a type by the name of a property", file({ a: { ...f32(0, 4), dtype: "toString" } }, data), "the type toString"],
    ["a negative size", file({ a: f32(0, 4, [-1, -1]) }, data.subarray(0, 4)), "shape"],
    ["a shape that does not fit", file({ a: f32(0, 8, [3]) }, data.subarray(0, 8)), "its shape needs 12"],
    ["three offsets", file({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, data), "two positions"],
    ["a hole", file({ a: f32(0, 4), b: f32(8, 16) }, data), "hole or overlaps"],
    ["an overlap", file({ a: f32(0, 8), b: f32(4, 16) }, data), "hole or overlaps"],
    ["a hole at the start", file({ a: f32(4, 16) }, data), "hole or overlaps"],
    ["a file too long", file({ a: f32(0, 8) }, data), "end at byte"],
    ["a file too short", file({ a: f32(0, 32) }, data), "end at byte"],
    [
      "a name given twice",
      file(undefined, data, `{"a": ${JSON.stringify(f32(0, 16))}, "\\u0061" : ${JSON.stringify(f32(0, 16))}}`),
      'has "a" twice',
    ],
    ["metadata that are no strings", file({ __metadata__: { epoch: 3 } }), "no string"],
  ])("%s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message);
  });
});
