/**
 * @file The safetensors format, strictly: a file may come from anywhere, so nothing in it is believed unchecked.
 *
 * Eight bytes of header length (little-endian), the header in JSON, then the tensors without holes.
 */

import { bfloatToNumber, halfToNumber } from "./half.js";
import { isRecord, parsed } from "./json.js";

/** An array of a safetensors file, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What a safetensors file holds. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

const LARGEST_HEADER = 100_000_000;
const METADATA = "__metadata__";

/** How a type lies in the file. */
interface Dtype {
  readonly width: number;
  readonly read: (view: DataView, at: number) => number;
}

const DTYPES: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ["F64", { width: 8, read: (view, at) => view.getFloat64(at, true) }],
  ["F32", { width: 4, read: (view, at) => view.getFloat32(at, true) }],
  ["F16", { width: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) }],
  ["BF16", { width: 2, read: (view, at) => bfloatToNumber(view.getUint16(at, true)) }],
]);

/** Tensors in the order given, as F32. The same tensors always give the same bytes. */
export function encodeSafetensors({ tensors, metadata }: Checkpoint): Uint8Array {
  let end = 0;
  const entries = [...tensors].map(([name, { shape, values }]) => {
    const start = end;
    end += values.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [start, end] }] as const;
  });
  const described = metadata.size === 0 ? [] : [[METADATA, Object.fromEntries(metadata)] as const];
  // Written entry by entry: as keys of an object, names such as "0" would change places.
  const fields = [...described, ...entries].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let at = 8 + headerLength;
  for (const { values } of tensors.values()) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

/**
 * Reads F32, and F64, F16 and BF16 as the nearest f32.
 * @throws Error saying what is wrong with the file.
 */
export function decodeSafetensors(bytes: Uint8Array): Checkpoint {
  const widths = new Map([...DTYPES].map(([name, { width }]) => [name, width]));
  const { tensors, metadata } = splitSafetensors(bytes, widths);
  const decoded = tensors.map(({ name, shape, dtype, bytes }): [string, Tensor] => [
    name,
    { shape, values: readValues(bytes, DTYPES.get(dtype)!) },
  ]);
  return { tensors: new Map(decoded), metadata };
}

/** A tensor as it lies in the file. */
export interface RawTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Little-endian. */
  readonly bytes: Uint8Array;
}

/**
 * The tensors in the order of their places, undecoded.
 * @param widths of each type that is read, bytes an element.
 * @throws Error saying what is wrong with the file.
 */
export function splitSafetensors(
  bytes: Uint8Array,
  widths: ReadonlyMap<string, number>,
): { readonly tensors: readonly RawTensor[]; readonly metadata: ReadonlyMap<string, string> } {
  const { header, dataStart } = readHeader(bytes);
  const metadata = new Map<string, string>();
  const found: Placed[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) throw invalid(`the entry of ${JSON.stringify(name)} is no object`);
    if (name === METADATA) {
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== "string") throw invalid(`the metadata ${JSON.stringify(key)} is no string`);
        metadata.set(key, value);
      }
    } else {
      found.push(checkEntry(name, entry, widths));
    }
  }
  found.sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const tensor of found) {
    if (tensor.start !== end) throw invalid(`${JSON.stringify(tensor.name)} leaves a hole or overlaps its neighbour`);
    end = tensor.end;
  }
  if (dataStart + end !== bytes.length) {
    throw invalid(`its tensors end at byte ${dataStart + end} and the file at ${bytes.length}`);
  }
  const tensors = found.map(({ start, end, ...rest }) => ({
    ...rest,
    bytes: bytes.subarray(dataStart + start, dataStart + end),
  }));
  return { tensors, metadata };
}

/** What keeps tensors from being those that are needed: each that is missing, of another shape, or unknown. */
export function misfits(
  tensors: ReadonlyMap<string, Pick<Tensor, "shape">>,
  needed: readonly { readonly name: string; readonly shape: readonly number[] }[],
): string[] {
  const problems = needed.flatMap(({ name, shape }) => {
    const found = tensors.get(name)?.shape.join(", ");
    if (found === undefined) return [`\`${name}\` is missing`];
    return found === shape.join(", ") ? [] : [`\`${name}\` has the shape [${found}] and needs [${shape.join(", ")}]`];
  });
  const known = new Set(needed.map(({ name }) => name));
  return [...problems, ...[...tensors.keys()].flatMap((name) => (known.has(name) ? [] : [`\`${name}\` is unknown`]))];
}

/** A tensor's place in the file, counted from the end of the header. */
interface Placed extends Omit<RawTensor, "bytes"> {
  readonly start: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) throw invalid("it is shorter than eight bytes");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > LARGEST_HEADER) throw invalid(`its header claims ${length} bytes, over the limit of 100 MB`);
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) throw invalid("its header is longer than the file");
  if (bytes[8] !== 0x7b || dataStart === 8) throw invalid("its header does not start with {");
  const text = decodeText(bytes.subarray(8, dataStart));
  // `__proto__` becomes an own property like any other, and only own properties are read.
  const header = text === undefined ? undefined : parsed(text);
  if (text === undefined || !isRecord(header)) throw invalid("its header is no JSON object");
  const twice = nameGivenTwice(text);
  if (twice !== undefined) throw invalid(`its header has ${JSON.stringify(twice)} twice`);
  return { header, dataStart };
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Of sound JSON, in one object: reading it, the last of equal names would win. */
function nameGivenTwice(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*(:?)|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== "") {
      const name: string = JSON.parse(text);
      const names = open[open.length - 1];
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}

function checkEntry(name: string, entry: Record<string, unknown>, widths: ReadonlyMap<string, number>): Placed {
  const what = JSON.stringify(name);
  const { shape, data_offsets: offsets } = entry;
  const dtype = String(entry.dtype);
  const width = widths.get(dtype);
  if (width === undefined) throw invalid(`${what} has the type ${dtype}; known are ${[...widths.keys()].join(", ")}`);
  if (!isSizes(shape)) throw invalid(`the shape of ${what} is no list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) throw invalid(`the offsets of ${what} are no two positions`);
  const [start, end] = offsets;
  const size = shape.reduce((product, extent) => product * extent, width);
  if (end - start !== size) throw invalid(`${what} has ${end - start} bytes and its shape needs ${size}`);
  return { name, shape, dtype, start, end };
}

function readValues(bytes: Uint8Array, { width, read }: Dtype): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / width }, (_, at) => read(view, at * width));
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

function invalid(reason: string): Error {
  return new Error(`this is no valid safetensors file: ${reason}`);
}
