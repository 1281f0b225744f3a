/**
 * @file Where checkpoints are kept: whole files, of which the last that was saved can always be read, whatever happened during
 * the next save. In Node.js: `checkpoint-store-node.ts`.
 */

import { Turns } from "./turns.js";

/** Where checkpoints are kept. */
export interface CheckpointStore {
  /** Resolves when the bytes are where a crash does not reach them; the one before is there until then. */
  save(bytes: Uint8Array): Promise<void>;
  /** The last whole checkpoint; undefined where there is none. */
  load(): Promise<Uint8Array | undefined>;
}

const STORE = "slots";

/** One of the two places of a checkpoint in a browser. */
interface Slot {
  /** Larger is newer. */
  readonly number: number;
  /** SHA-256 of the bytes. */
  readonly checksum: Uint8Array;
  readonly bytes: Uint8Array;
}

/**
 * Two slots of IndexedDB under a name, written in turn, each with a checksum: what a crash, a full disk or another tab left
 * half-written is passed over for the one before. Works in workers too.
 */
export class BrowserCheckpointStore implements CheckpointStore {
  #database: Promise<IDBDatabase> | undefined;
  readonly #turns = new Turns();

  /** @param name of the run: stores of one name share their slots. */
  constructor(private readonly name: string) {}

  /** @throws Error where the browser keeps nothing, as in some private windows, or has no room. */
  save(bytes: Uint8Array): Promise<void> {
    const kept = bytes.slice();
    return this.#turns.take(async () => {
      const [first, second] = await this.#slots();
      const free = newest(first, second) === first ? 1 : 0;
      const number = Math.max(first?.number ?? 0, second?.number ?? 0) + 1;
      const slot: Slot = { number, checksum: await checksumOf(kept), bytes: kept };
      const transaction = (await this.#open()).transaction(STORE, "readwrite", { durability: "strict" });
      transaction.objectStore(STORE).put(slot, this.#key(free));
      await completed(transaction, `saving the checkpoint ${this.name}`);
    });
  }

  /** The newer of the slots that are whole. */
  load(): Promise<Uint8Array | undefined> {
    return this.#turns.take(async () => newest(...(await this.#slots()))?.bytes);
  }

  /** Forgets both slots. */
  clear(): Promise<void> {
    return this.#turns.take(async () => {
      const transaction = (await this.#open()).transaction(STORE, "readwrite");
      for (const slot of [0, 1]) transaction.objectStore(STORE).delete(this.#key(slot));
      await completed(transaction, `clearing the checkpoint ${this.name}`);
    });
  }

  #key(slot: number): string {
    return `${this.name}/${slot}`;
  }

  /** The slots that are whole. */
  async #slots(): Promise<[Slot | undefined, Slot | undefined]> {
    const transaction = (await this.#open()).transaction(STORE, "readonly");
    const store = transaction.objectStore(STORE);
    const requests = [0, 1].map((slot) => store.get(this.#key(slot)));
    await completed(transaction, `reading the checkpoint ${this.name}`);
    const [first, second] = await Promise.all(requests.map(({ result }) => wholeSlot(result)));
    return [first, second];
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open("seqc-checkpoints", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(new Error(`the browser keeps no checkpoints: ${String(request.error)}`));
    });
    return this.#database;
  }
}

function newest(first: Slot | undefined, second: Slot | undefined): Slot | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return first.number > second.number ? first : second;
}

async function wholeSlot(value: unknown): Promise<Slot | undefined> {
  if (typeof value !== "object" || value === null) return undefined;
  const { number, checksum, bytes } = value as Partial<Slot>;
  if (!(bytes instanceof Uint8Array && checksum instanceof Uint8Array) || number === undefined) return undefined;
  const found = await checksumOf(bytes);
  return found.length === checksum.length && found.every((byte, at) => byte === checksum[at])
    ? { number, checksum, bytes }
    : undefined;
}

async function checksumOf(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

function completed(transaction: IDBTransaction, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    const fail = () => reject(new Error(`${what} failed: ${String(transaction.error)}`));
    transaction.onabort = fail;
    transaction.onerror = fail;
  });
}
