/** @file As much of the protocol-buffer wire format as event files need: fields of five kinds, written one behind the other. */

/** A field: its number, and what it holds. */
export type Field = readonly [
  number: number,
  kind: "double" | "float" | "varint" | "text" | "message",
  value: FieldValue,
];
type FieldValue = number | string | readonly Field[];

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

export function encodeMessage(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(fields.map(encodeField));
}

function encodeField([number, kind, value]: Field): Uint8Array {
  const tagged = (wire: number, content: Uint8Array) => Buffer.concat([varint(number * 8 + wire), content]);
  switch (kind) {
    case "double": {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value as number);
      return tagged(FIXED64, bytes);
    }
    case "float": {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value as number);
      return tagged(FIXED32, bytes);
    }
    case "varint":
      return tagged(VARINT, varint(value as number));
    case "text":
    case "message": {
      const content = kind === "text" ? Buffer.from(value as string) : encodeMessage(value as readonly Field[]);
      return tagged(BYTES, Buffer.concat([varint(content.length), content]));
    }
  }
}

/** Seven bits a byte, the lowest first. @param value whole, not negative. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}
