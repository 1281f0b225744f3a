/**
 * @file The files of a zip archive, as far as NumPy writes such archives: stored or deflated, below 4 GB, on one disk. All is
 * found from the directory at the end (APPNOTE 4.3), and checked against it.
 */

import { inflate } from "./inflate.js";

const END = 0x06054b50;
const END_LENGTH = 22;
const ENTRY = 0x02014b50;
const ENTRY_LENGTH = 46;
const LOCAL = 0x04034b50;
const LOCAL_LENGTH = 30;
/** Stands for a size or a place that is elsewhere, in the form for large archives. */
const ELSEWHERE = 0xffffffff;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  /** Bytes in the archive and outside of it. */
  readonly packed: number;
  readonly size: number;
  /** Of its local header. */
  readonly place: number;
}

/** @throws Error saying what is wrong with the archive. */
export async function readZip(bytes: Uint8Array): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const entry of readDirectory(bytes)) {
    if (files.has(entry.name)) throw invalid(`it has two files named ${entry.name}`);
    files.set(entry.name, await readEntry(bytes, entry));
  }
  return files;
}

function readDirectory(bytes: Uint8Array): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(bytes, view);
  const count = view.getUint16(end + 10, true);
  const length = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (at === ELSEWHERE) throw invalid("it is of the form for more than 4 GB, which is not read");
  if (at + length > end) throw invalid("its directory lies outside of it");
  const stop = at + length;
  const entries: Entry[] = [];
  for (let each = 0; each < count; each++) {
    if (at + ENTRY_LENGTH > stop || view.getUint32(at, true) !== ENTRY) throw invalid("its directory is damaged");
    const nameEnd = at + ENTRY_LENGTH + view.getUint16(at + 28, true);
    const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > stop) throw invalid("its directory is damaged");
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY_LENGTH, nameEnd));
    if ((view.getUint16(at + 8, true) & 1) !== 0) throw invalid(`${name} is encrypted`);
    entries.push({
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      place: view.getUint32(at + 42, true),
    });
    at = next;
  }
  if (at !== stop) throw invalid("its directory is damaged");
  return entries;
}

/** The end record is the last thing but for a comment of up to 65,535 bytes. */
function findEnd(bytes: Uint8Array, view: DataView): number {
  const last = bytes.length - END_LENGTH;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === END && at + END_LENGTH + view.getUint16(at + 20, true) === bytes.length) return at;
  }
  throw invalid("it has no directory at its end; it may be cut off");
}

async function readEntry(bytes: Uint8Array, { name, method, crc, packed, size, place }: Entry): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if ([packed, size, place].includes(ELSEWHERE)) throw invalid(`${name} is larger than 4 GB, which is not read`);
  if (place + LOCAL_LENGTH > bytes.length || view.getUint32(place, true) !== LOCAL) {
    throw invalid(`${name} is not where the directory says`);
  }
  const start = place + LOCAL_LENGTH + view.getUint16(place + 26, true) + view.getUint16(place + 28, true);
  if (start + packed > bytes.length) throw invalid(`${name} lies outside of it`);
  const contents = await unpack(bytes.subarray(start, start + packed), method, size, name);
  if (contents.length !== size) throw invalid(`${name} has ${contents.length} bytes and should have ${size}`);
  if (crc32(contents) !== crc) throw invalid(`${name} is damaged: its checksum differs`);
  return contents;
}

async function unpack(packed: Uint8Array, method: number, size: number, name: string): Promise<Uint8Array> {
  if (method === 0) return packed;
  if (method !== 8) throw invalid(`${name} is compressed by method ${method}; known are 0 (stored) and 8 (deflated)`);
  try {
    return await inflate(packed, "deflate-raw", size);
  } catch (error) {
    throw invalid(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

function invalid(reason: string): Error {
  return new Error(`this is no zip archive that can be read: ${reason}`);
}
