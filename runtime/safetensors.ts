/**
 * @file The safetensors format, strictly: a file may come from anywhere, so nothing in it is believed unchecked.
 *
 * Eight bytes of header length (little-endian), the header in JSON, then the tensors without holes.
 */

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { header, dataStart } = readHeader(bytes, view);
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
      found.push(checkEntry(name, entry));
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
  const tensors = new Map(
    found.map(({ name, shape, dtype, start, end }): [string, Tensor] => [
      name,
      { shape, values: readValues(view, dtype, dataStart + start, dataStart + end) },
    ]),
  );
  return { tensors, metadata };
}

/** A tensor's place in the file, counted from the end of the header. */
interface Placed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly start: number;
  readonly end: number;
}

function readHeader(bytes: Uint8Array, view: DataView): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) throw invalid("it is shorter than eight bytes");
  const length = view.getBigUint64(0, true);
  if (length > LARGEST_HEADER) throw invalid(`its header claims ${length} bytes, over the limit of 100 MB`);
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) throw invalid("its header is longer than the file");
  if (bytes[8] !== 0x7b || dataStart === 8) throw invalid("its header does not start with {");
  const header = parseJson(bytes.subarray(8, dataStart));
  if (!isRecord(header)) throw invalid("its header is no JSON object");
  return { header, dataStart };
}

/** `__proto__` becomes an own property like any other, and only own properties are read. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function checkEntry(name: string, entry: Record<string, unknown>): Placed {
  const what = JSON.stringify(name);
  const { shape, data_offsets: offsets } = entry;
  const dtype = DTYPES.get(String(entry.dtype));
  if (dtype === undefined) {
    throw invalid(`${what} has the type ${String(entry.dtype)}; known are ${[...DTYPES.keys()].join(", ")}`);
  }
  if (!isSizes(shape)) throw invalid(`the shape of ${what} is no list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) throw invalid(`the offsets of ${what} are no two positions`);
  const [start, end] = offsets;
  const size = shape.reduce((product, extent) => product * extent, dtype.width);
  if (end - start !== size) throw invalid(`${what} has ${end - start} bytes and its shape needs ${size}`);
  return { name, shape, dtype, start, end };
}

function readValues(view: DataView, { width, read }: Dtype, start: number, end: number): Float32Array {
  return Float32Array.from({ length: (end - start) / width }, (_, at) => read(view, start + at * width));
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function bfloatToNumber(bits: number): number {
  const word = new DataView(new ArrayBuffer(4));
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

function invalid(reason: string): Error {
  return new Error(`this is no valid safetensors file: ${reason}`);
}
