/**
 * @file Event files for TensorBoard: TFRecords (length, masked CRC-32C, content, masked CRC-32C) of the message `tensorflow.Event`
 * (tensorflow/core/util/event.proto). A run that goes on has a file more, which says at which step: what an earlier one has
 * from there on, TensorBoard then leaves out.
 */

import { closeSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Evaluation } from "../../../runtime/metrics.js";
import type { MetricsLine } from "./metrics.js";
import { encodeMessage, type Field } from "./protobuf.js";

/** Field numbers of `Event`. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
/** Of `Summary`, of `Summary.Value`, of `SessionLog`. */
const SUMMARY_VALUE = 1;
const VALUE = { tag: 1, simpleValue: 2 } as const;
const SESSION_STATUS = 1;
const SESSION_START = 1;

const NAME = /^events\.out\.tfevents\./;

export class EventFile {
  readonly #file: number;

  /** @param step the last one before. Without any the event files of earlier runs are removed. */
  constructor(folder: string, step: number) {
    const earlier = readdirSync(folder).filter((name) => NAME.test(name));
    if (step === 0) for (const name of earlier) rmSync(join(folder, name), { force: true });
    const seconds = Math.floor(Date.now() / 1000);
    // Files are read in the order of their names: of two in one second too.
    const number = step === 0 ? 0 : earlier.length;
    this.#file = openSync(join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${number}`), "w");
    this.#write([[EVENT.fileVersion, "text", "brain.Event:2"]]);
    const start: Field[] = [[SESSION_STATUS, "varint", SESSION_START]];
    this.#write([
      [EVENT.step, "varint", step + 1],
      [EVENT.sessionLog, "message", start],
    ]);
  }

  append(line: MetricsLine): void {
    const scalars =
      line.kind === "step"
        ? [...named("train", line), ["train/grad_norm", line.gradNorm], ["train/learning_rate", line.learningRate]]
        : named("validation", line);
    const values = (scalars as [string, number][])
      .filter(([, value]) => Number.isFinite(value))
      .map(([tag, value]): Field => {
        const fields: Field[] = [
          [VALUE.tag, "text", tag],
          [VALUE.simpleValue, "float", value],
        ];
        return [SUMMARY_VALUE, "message", fields];
      });
    this.#write([
      [EVENT.step, "varint", line.step],
      [EVENT.summary, "message", values],
    ]);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(fields: readonly Field[]): void {
    const event = encodeMessage([[EVENT.wallTime, "double", Date.now() / 1000], ...fields]);
    writeSync(this.#file, encodeRecord(event));
  }
}

function named(group: string, { loss, metrics }: Evaluation): [string, number][] {
  return [
    [`${group}/loss`, loss],
    ...Object.entries(metrics).map(([name, value]): [string, number] => [`${group}/${name}`, value]),
  ];
}

function encodeRecord(content: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(content.length));
  return Buffer.concat([length, maskedChecksum(length), content, maskedChecksum(content)]);
}

function maskedChecksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return checksum;
}

/** Castagnoli's polynomial, its bits reversed. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}
