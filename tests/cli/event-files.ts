/** @file Reads TensorBoard's event files by their specification, apart from what writes them. */

export interface ScalarEvent {
  readonly step: number;
  readonly wallTime: number;
  readonly version?: string;
  /** The step of a start. */
  readonly starts?: boolean;
  readonly scalars: Readonly<Record<string, number>>;
}

/** Bit by bit, of the polynomial x³² + x²⁸ + x²⁷ + … (RFC 3720, appendix B.4). */
function castagnoli(bytes: Uint8Array): number {
  let register = 0xffffffffn;
  for (const byte of bytes) {
    register ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) register = register & 1n ? (register >> 1n) ^ 0x82f63b78n : register >> 1n;
  }
  return Number(register ^ 0xffffffffn);
}

function checkMasked(bytes: Uint8Array, masked: number): void {
  const rotated = (masked - 0xa282ead8 + 2 ** 32) % 2 ** 32;
  const crc = ((rotated * 2 ** 15) % 2 ** 32) + Math.floor(rotated / 2 ** 17);
  if (crc !== castagnoli(bytes)) throw new Error("a checksum is wrong");
}

export function readEvents(file: Buffer): ScalarEvent[] {
  const events: ScalarEvent[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    checkMasked(file.subarray(at, at + 8), file.readUInt32LE(at + 8));
    const content = file.subarray(at + 12, at + 12 + length);
    checkMasked(content, file.readUInt32LE(at + 12 + length));
    events.push(eventOf(content));
    at += 16 + length;
  }
  return events;
}

type Fields = Map<number, (number | Buffer)[]>;

function fieldsOf(message: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const take = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[take(1)];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const chunk = (length: number): Buffer => message.subarray(take(length), at);
  const fieldValue = (wire: number): number | Buffer => {
    if (wire === 0) return varint();
    if (wire === 1) return message.readDoubleLE(take(8));
    if (wire === 5) return message.readFloatLE(take(4));
    if (wire === 2) return chunk(varint());
    throw new Error(`a field of wire type ${wire}`);
  };
  while (at < message.length) {
    const tag = varint();
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), fieldValue(tag & 7)]);
  }
  if (at !== message.length) throw new Error("a message ends within a field");
  return fields;
}

/** `tensorflow.Event`: 1 wall_time, 2 step, 3 file_version, 5 summary { 1 value { 1 tag, 2 simple_value } }, 7 session_log { 1 status }. */
function eventOf(content: Buffer): ScalarEvent {
  const event = fieldsOf(content);
  const [version] = event.get(3) ?? [];
  const [session] = event.get(7) ?? [];
  const [summary] = event.get(5) ?? [];
  const values = summary === undefined ? [] : (fieldsOf(summary as Buffer).get(1) ?? []);
  const scalars = values.map((value) => {
    const fields = fieldsOf(value as Buffer);
    return [String(fields.get(1)?.[0]), Number(fields.get(2)?.[0])] as const;
  });
  return {
    wallTime: Number(event.get(1)?.[0]),
    step: Number(event.get(2)?.[0] ?? 0),
    ...(version !== undefined && { version: String(version) }),
    ...(session !== undefined && { starts: fieldsOf(session as Buffer).get(1)?.[0] === 1 }),
    scalars: Object.fromEntries(scalars),
  };
}
